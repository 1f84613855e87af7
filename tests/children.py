"""The environment of a child process that a test starts: none of this user's settings, and not measured for coverage,
which makes the imports of torch and transformers several times slower.
"""

import os

_LEFT_OUT = ("RETINUE_", "COV")


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
