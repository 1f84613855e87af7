"""What several floors do with files alike: hashes, the name of an adapter's lock. Knows nothing else."""

import hashlib
from pathlib import Path

LOCK = "lock.json"  # beside an adapter's weights: what they belong to, and their hash
ADAPTER_WEIGHTS = "adapter_model.safetensors"


def sha256_of(file: Path) -> str:
    """Raises OSError."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
