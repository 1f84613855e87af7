"""Models loaded by several threads at once, as at a start: the base, and the finder's encoder; and faults."""

import threading
from pathlib import Path

import pytest

from server.engine.local import worker
from server.engine.local.base.loader import load_base
from server.engine.local.engine import LocalEngine
from server.errors import BaseError
from server.settings import Settings


def test_threads_that_load_at_once_each_get_a_whole_model(tiny_base: Path) -> None:
    failures: list[Exception] = []

    def load_again_and_again() -> None:
        try:
            for _ in range(5):
                load_base(tiny_base)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=load_again_and_again) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (RuntimeError("mkldnn: unknown primitive"), "base_load_failed"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "base_memory"),
        (MemoryError(), "base_memory"),
        (SystemExit(3), "base_load_failed"),
    ],
    ids=repr,
)
async def test_whatever_ends_the_loading_is_told_to_whoever_waits(
    fault: BaseException, code: str, tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(worker, "runner_for", fail)
    engine = LocalEngine(Settings(user_dir=tmp_path, config_dir=tmp_path), tiny_base)

    with pytest.raises(BaseError) as refusal:
        await engine.start()

    assert refusal.value.code == code
    assert tiny_base.name in refusal.value.message
    await engine.stop()
