"""The coverage that `make unit` shows and holds: threads and child processes are counted."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import subprocess, sys, threading
from server.text import lengths
thread = threading.Thread(target=lengths.pieces, args=("one",))
thread.start()
thread.join()
subprocess.run([sys.executable, "-c", "from server.text import units; units.units_of"], check=False)
"""


def test_threads_and_child_processes_are_counted(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environment |= {"PYTHONPATH": str(ROOT), "COVERAGE_FILE": str(tmp_path / "data")}
    for arguments in (
        ["run", str(tmp_path / "program.py")], ["combine", "-q"], ["json", "-q", "--fail-under=0", "-o", "-"],
    ):  # fmt: skip
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "coverage", *arguments], cwd=ROOT, env=environment, capture_output=True, check=True
        )
    files = json.loads(done.stdout)["files"]

    assert files["server/text/lengths.py"]["functions"]["pieces"]["summary"]["covered_lines"] > 0
    assert files["server/text/units.py"]["summary"]["covered_lines"] > 0
    assert files["server/text/prompt.py"]["summary"]["covered_lines"] == 0


def test_nine_of_ten_lines_are_held() -> None:
    coverage = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["coverage"]

    assert coverage["run"]["source"] == ["server", "training"]
    assert coverage["report"]["fail_under"] >= 90
    assert "--cov" in (ROOT / "Makefile").read_text(encoding="utf-8")
