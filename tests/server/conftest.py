"""Every test of the server: settings from the test alone, never from this machine's environment."""

import os

import pytest


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RETINUE_")]:
        monkeypatch.delenv(name)
