"""Without any network but loopback, serve and ask work, and neither tries to reach anything."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import tiny
from tests.attack.offline import NAMESPACE, can_unshare
from tests.children import environment

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not can_unshare(), reason="no network namespaces here")
def test_serve_and_ask_work_with_loopback_only_and_reach_for_nothing_else(tmp_path: Path) -> None:
    base = tiny.make_base(tmp_path / "bases" / "tiny", context=2048)
    folders = {f"RETINUE_{name}_DIR": str(tmp_path / name.lower()) for name in ("USER", "CONFIG")}

    done = subprocess.run(  # noqa: S603 - our own module
        [*NAMESPACE, sys.executable, "-m", "tests.attack.offline", str(base)],
        cwd=ROOT, env=environment() | folders, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "Ready" in done.stdout
    assert "OUTSIDE" not in done.stdout
    assert '"answer"' in done.stdout
    assert "returncode=0" in done.stdout, done.stdout
