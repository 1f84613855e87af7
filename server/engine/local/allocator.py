"""How the process's memory grows: freed memory is kept for the next step, in one heap, and few compiled kernels are.

Called by the engine's worker, compose and `training tune`.

A step frees some megabytes again and again. glibc would give them back to the system each time and fault every page
in anew: reading a page then takes a third longer, or not, depending on what else lies in the heap.
"""

import ctypes
import os

KEPT_BYTES_MAX = 256 * 1024**2
ARENAS_MAX = 1
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # malloc.h of glibc
_MMAP_BYTES_MIN = 32 * 1024**2  # the most that glibc accepts; larger blocks still go back at once


KERNELS_KEPT = 256  # decoding needs about 165 (33 numbers of tokens, five matrices); oneDNN would keep 1,024


def limit_kernel_cache() -> None:
    """oneDNN compiles a kernel for each number of tokens in a step and keeps it, some 0.3 MiB each. Called before the
    first step; what the user's environment says stays.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS_KEPT))


def keep_freed_memory(*, bytes_max: int = KEPT_BYTES_MAX) -> bool:
    """False where the C library has no such switch (macOS, Windows, musl); nothing is lost there but speed."""
    return _mallopt((_MMAP_THRESHOLD, _MMAP_BYTES_MIN), (_TRIM_THRESHOLD, bytes_max))


def share_arenas() -> bool:
    """glibc gives threads heaps of their own in pieces of 64 MiB, and each keeps the most that its thread ever held:
    after a while a server with two cores has a gigabyte in twenty-two of them. Now all share the process's heap. Called
    before threads are made; what the user's environment says stays. False as above.
    """
    return "MALLOC_ARENA_MAX" not in os.environ and _mallopt((_ARENA_MAX, ARENAS_MAX))


def give_back() -> bool:
    """What was freed goes back to the system now, wherever it lies: after loading a base, half a gigabyte. False where
    the C library cannot.
    """
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (AttributeError, OSError, TypeError):
        return False


def _mallopt(*options: tuple[int, int]) -> bool:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all(mallopt(option, value) for option, value in options)
