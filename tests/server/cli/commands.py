"""`retinue` as a person types it, in this process, with a fake engine. Called by the tests of commands."""

import sys
from pathlib import Path

import pytest

from server.cli.main import main
from server.conversation.pages import Parts
from server.settings import Settings
from tests.server.fakes import FakeEngine, base_text, settings, some_copilots

PAGE = "# Lease\n\nLease\n\nThe term is two years."


class Cli:
    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys, self.monkeypatch = capsys, monkeypatch
        self.engine = FakeEngine()
        self.settings = settings(tmp_path)
        some_copilots(self.settings)
        self.page = tmp_path / "lease.md"
        self.page.write_text(PAGE)
        for name in ("adapters_dir", "user_dir", "config_dir"):
            monkeypatch.setenv(f"RETINUE_{name.upper()}", str(getattr(self.settings, name)))
        monkeypatch.setenv("RETINUE_PORT", "1")  # nothing answers there
        monkeypatch.setattr("server.cli.ask.make_local_parts", self.make_parts)

    def make_parts(self, chosen: Settings) -> tuple[Parts, None]:
        return Parts(chosen, self.engine, base_text()), None

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Exit status, standard output, standard error."""
        self.monkeypatch.setattr(sys, "argv", ["retinue", *arguments])
        status = 0
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
        return status, *self.capsys.readouterr()

    def ask(self, *extra: str, copilot: str = "lease", page: str = "") -> tuple[int, str, str]:
        return self("ask", copilot, "--page", page or str(self.page), "How long?", *extra)
