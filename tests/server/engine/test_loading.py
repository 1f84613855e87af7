"""Models loaded by several threads at once, as at a start: the base, and the finder's encoder."""

import threading
from pathlib import Path

from server.engine.local.base.loader import load_base


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
