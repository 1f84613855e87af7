"""Lets the process keep freed memory for the next step. Called by the engine's worker and by `training tune`.

A step frees some megabytes again and again. glibc would give them back to the system each time and fault every page
in anew: reading a page then takes a third longer, or not, depending on what else lies in the heap.
"""

import ctypes

KEPT_BYTES_MAX = 256 * 1024**2
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
_MMAP_BYTES_MIN = 32 * 1024**2  # the most that glibc accepts; larger blocks still go back at once


def keep_freed_memory(*, bytes_max: int = KEPT_BYTES_MAX) -> bool:
    """False where the C library has no such switch (macOS, Windows, musl); nothing is lost there but speed."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _MMAP_BYTES_MIN) and mallopt(_TRIM_THRESHOLD, bytes_max))
