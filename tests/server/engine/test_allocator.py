"""Memory that was freed stays with the process, up to a limit."""

import os
import platform
import subprocess
import sys

import pytest

from server.engine.local.allocator import KERNELS_KEPT, limit_kernel_cache

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


def test_few_compiled_kernels_are_kept_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    monkeypatch.setenv(name, "7")
    limit_kernel_cache()
    assert os.environ[name] == "7"

    monkeypatch.delenv(name)
    limit_kernel_cache()
    assert os.environ[name] == str(KERNELS_KEPT)
