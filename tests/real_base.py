"""Where the real base lies that set-up installs. Tests have folders of their own for everything else."""

import os
from pathlib import Path

REAL_BASES = Path(os.environ["REAL_BASES_DIR"])
