"""kill -9 at any moment of a write leaves one whole adapter in use, and none of the others is lost.

KILLS=200 python -m pytest tests/kills  does so many of each writer; a few are enough for every day.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server import folders
from server.catalog import versions
from server.catalog.layout import user_root
from tests.children import environment
from tests.kills.writers import REPEATS, WRITERS, adapter_of, fill, number_of

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("KILLS", "3"))
MOMENT_S_MAX = 0.03
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")


def killed(writer: str, root: Path, moment_s: float, *, exchange: str) -> None:
    """Start a writer, wait until it writes, and kill it."""
    command = [sys.executable, "-m", "tests.kills.writers", writer, str(root), exchange]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment()) as child:  # noqa: S603
        assert child.stdout is not None
        assert child.stdout.readline() == b"go\n"
        time.sleep(moment_s)
        child.send_signal(signal.SIGKILL)


def begin(root: Path) -> None:
    """One in use, one kept."""
    for number in (0, 1):
        with versions.writing(adapter_of(root)) as made:
            fill(made, number)
            versions.put_in_use(made, adapter_of(root))
    (root / "settings.toml").write_text("1\n" * REPEATS)


def in_use(root: Path) -> int:
    return number_of(adapter_of(root))


@pytest.mark.parametrize("writer", WRITERS)
def test_a_kill_at_any_moment_leaves_a_whole_adapter_in_use(
    writer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    moments = random.Random(writer)
    begin(tmp_path)

    for _ in range(KILLS):
        killed(writer, tmp_path, moments.uniform(0, MOMENT_S_MAX), exchange="system")

        assert in_use(tmp_path) >= 0  # before anything is cleaned up
        versions.clean(user_root(tmp_path))
        lines = (tmp_path / "settings.toml").read_text().splitlines()
        assert len(lines) == REPEATS
        assert len(set(lines)) == 1
        assert not list(adapter_of(tmp_path).parent.glob(".tiny.*"))
        assert all(number_of(version) >= 0 for version in versions.kept(adapter_of(tmp_path)))
        if writer == "restore":
            assert {in_use(tmp_path), *map(number_of, versions.kept(adapter_of(tmp_path)))} == {0, 1}
        for version in versions.kept(adapter_of(tmp_path))[:-1]:
            shutil.rmtree(version)


@pytest.mark.parametrize("writer", ["put_in_use", "restore", "replace"])
def test_without_an_exchange_the_next_start_finds_a_whole_adapter(
    writer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    moments = random.Random(writer)
    begin(tmp_path)

    for _ in range(KILLS):
        killed(writer, tmp_path, moments.uniform(0, MOMENT_S_MAX), exchange="none")
        versions.clean(user_root(tmp_path))

        assert in_use(tmp_path) >= 0
        assert not list(adapter_of(tmp_path).parent.glob(".tiny.*"))
        if writer == "restore":
            assert {in_use(tmp_path), *map(number_of, versions.kept(adapter_of(tmp_path)))} == {0, 1}
        for version in versions.kept(adapter_of(tmp_path))[:-1]:
            shutil.rmtree(version)


class Killed(BaseException):
    """The moment of the kill."""


@pytest.mark.parametrize("system", [True, False])
@pytest.mark.parametrize("step", range(6))
def test_a_kill_before_each_rename_loses_nothing(
    step: int, system: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if not system:
        monkeypatch.setattr(folders, "_system_exchange", lambda: None)
    begin(tmp_path)
    renames, real = iter(range(100)), os.replace

    def rename(source: Path, target: Path) -> None:
        if next(renames) == step:
            raise Killed
        real(source, target)

    with monkeypatch.context() as patched, contextlib.suppress(Killed):
        patched.setattr(os, "replace", rename)
        with versions.writing(adapter_of(tmp_path)) as made:
            fill(made, 2)
            versions.put_in_use(made, adapter_of(tmp_path))
    versions.clean(user_root(tmp_path))

    assert in_use(tmp_path) in (1, 2)
    everything = {in_use(tmp_path), *map(number_of, versions.kept(adapter_of(tmp_path)))}
    assert {0, 1} <= everything
