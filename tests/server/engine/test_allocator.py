"""Memory that was freed stays with the process, up to a limit."""

import os
import platform
import subprocess
import sys

import pytest

from server.engine.local.allocator import ARENAS_MAX, KERNELS_KEPT, limit_kernel_cache, share_arenas

FAULTS = """
import resource
from server.engine.local.allocator import keep_freed_memory

if {keep}:
    assert keep_freed_memory()
block = bytearray(3 << 20)  # glibc takes this one from the system and learns the size when it is freed
del block
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    blocks = [bytearray(3 << 20) for _ in range(4)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*, keep: bool) -> int:
    code = FAULTS.format(keep=keep)
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603
    return int(ran.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's switch")
def test_memory_that_is_used_again_is_not_faulted_in_again() -> None:
    assert faults(keep=True) < faults(keep=False) / 3


HEAPS = """
import re
import threading
from server.engine.local.allocator import share_arenas

if {share}:
    assert share_arenas()
held, meet = [], threading.Barrier(9)
def work():
    held.append([bytes(100_000) for _ in range(100)])
    meet.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
meet.wait()
heap = 64 * 1024**2  # each is reserved at an address that is a multiple of its size
with open("/proc/self/maps") as lines:
    starts = {{int(line.split("-")[0], 16) for line in lines}}
print(sum(start % heap == 0 for start in starts))
"""


def heaps(*, share: bool, **environment: str) -> int:
    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-c", HEAPS.format(share=share)],
        check=True, capture_output=True, text=True, env=os.environ | environment,
    )  # fmt: skip
    return int(ran.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's switch")
def test_threads_share_a_few_heaps() -> None:
    assert heaps(share=True) <= ARENAS_MAX
    assert heaps(share=False) > ARENAS_MAX


GIVEN_BACK = """
import psutil
from server.engine.local.allocator import give_back, keep_freed_memory

keep_freed_memory()
blocks = [bytes([1]) * 100_000 for _ in range(1_000)]
last = bytes(1_000)
held = psutil.Process().memory_info().rss
del blocks
kept = psutil.Process().memory_info().rss
assert give_back()
print(held - kept, held - psutil.Process().memory_info().rss, len(last))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's switch")
def test_freed_memory_goes_back_when_it_is_asked_for() -> None:
    ran = subprocess.run([sys.executable, "-c", GIVEN_BACK], check=True, capture_output=True, text=True)  # noqa: S603
    kept, given_back, _ = map(int, ran.stdout.split())
    assert kept < 10_000_000
    assert given_back > 90_000_000


def test_what_the_user_says_of_heaps_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "5")
    assert not share_arenas()


def test_few_compiled_kernels_are_kept_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    monkeypatch.setenv(name, "7")
    limit_kernel_cache()
    assert os.environ[name] == "7"

    monkeypatch.delenv(name)
    limit_kernel_cache()
    assert os.environ[name] == str(KERNELS_KEPT)
