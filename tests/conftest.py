"""Every test: this user's own settings, copilots and bases are not there. Set before any module reads them."""

import os
import tempfile

from platformdirs import user_data_path

os.environ.setdefault("REAL_BASES_DIR", str(user_data_path("retinue") / "bases"))  # see tests.real_base
_EMPTY = tempfile.mkdtemp(prefix="retinue-tests-")
os.environ |= {"XDG_CONFIG_HOME": f"{_EMPTY}/config", "XDG_DATA_HOME": f"{_EMPTY}/data"}
