"""One process at a time in a folder: a training, an import, a restore. Called by versions and training.

The lock goes with the process that holds it, however that ends. Its file lies apart from the folder, so that nothing
stands beside an adapter that does not belong to it.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from server.errors import RetinueError


@contextmanager
def alone(folder: Path, *, refusal: RetinueError) -> Iterator[None]:
    """Raises `refusal` at once when another process is in there, OSError when no lock can be made."""
    places = user_cache_path("retinue") / "locks"
    places.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32]
    lock = FileLock(places / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise refusal from None
    try:
        yield
    finally:
        lock.release()
