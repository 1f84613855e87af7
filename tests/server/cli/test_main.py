"""The command line, with a fake engine or a running server."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.cli.main import main
from server.conversation.pages import Parts
from server.settings import Settings
from server.transport.keyfile import KeyFile
from tests.server.fakes import FakeEngine, base_text, settings, some_copilots
from tests.server.live import running

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


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(tmp_path, monkeypatch, capsys)


def test_an_answer_and_its_verified_quotes_are_printed(cli: Cli) -> None:
    status, out, err = cli.ask()

    assert (status, err) == (0, "")
    assert out.splitlines() == ['The term is "two years" [2].', "✓ “two years” [2]"]
    assert (cli.engine.rows, cli.engine.open_pages, cli.engine.running) == (0, [], False)


def test_a_quote_that_is_not_on_the_page_is_marked(cli: Cli) -> None:
    cli.engine.script = '"ten years" [2]'

    assert "✗ not on the page: “ten years”" in cli.ask()[1]


def test_json_is_exactly_one_object(cli: Cli) -> None:
    status, out, err = cli.ask("--json")
    answer = json.loads(out)

    assert (status, err) == (0, "")
    assert list(answer) == ["answer", "copilot", "mode", "base", "quotes", "passages", "page", "usage", "timings"]
    assert answer["passages"][0]["block"] == 2
    assert answer["page"]["blocks_read"] == answer["page"]["blocks_total"]
    assert answer["quotes"] == [{"block": 2, "text": "two years", "verified": True}]
    assert (answer["copilot"], answer["mode"], answer["base"]) == ("legal/lease", "instructed", "fake")
    assert set(answer["usage"]) == {"page_tokens", "cached_tokens", "prompt_tokens", "answer_tokens"}
    assert set(answer["timings"]) == {"ttft_ms", "total_ms"}


def test_control_characters_of_an_answer_never_reach_the_terminal(cli: Cli) -> None:
    cli.engine.script = "a\x1b[31mb\x07c"

    assert cli.ask()[1].startswith("a[31mbc")


@pytest.mark.parametrize(
    ("page", "copilot", "code"),
    [("/none", "lease", "page_missing"), ("", "none", "copilot_unknown"), ("empty", "lease", "page_empty")],
)
def test_bad_input_is_one_line_with_status_2(cli: Cli, tmp_path: Path, page: str, copilot: str, code: str) -> None:
    (tmp_path / "empty").write_text("")
    status, out, err = cli.ask(copilot=copilot, page=str(tmp_path / page) if page == "empty" else page)

    assert (status, out) == (2, "")
    assert err.startswith(f"retinue: {code}: ")
    assert err.count("\n") == 1


def test_a_page_that_is_too_large_is_refused(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RETINUE_PAGE_CHARS_MAX", "10"), ("RETINUE_FRAME_BYTES_MAX", "1024")):
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            cli.page.write_text("x" * 2000)
            status, _, err = cli.ask()
            assert (status, err.split(": ")[1]) == (2, "page_too_long")


def test_an_unknown_setting_is_refused(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETINUE_PROT", "1")

    status, _, err = cli.ask()

    assert (status, "RETINUE_PROT" in err, err.count("\n")) == (2, True, 1)


def test_an_engine_that_fails_is_one_line_with_status_1(cli: Cli) -> None:
    cli.engine.fails_with = ValueError("CANARY")

    status, _, err = cli.ask()

    assert status == 1
    assert err.splitlines()[-1].startswith("retinue: run_failed: ")
    assert "CANARY" not in err


async def test_a_running_server_is_used_when_one_answers(cli: Cli, tmp_path: Path) -> None:
    async with running(tmp_path, FakeEngine('From the server: "two years" [2]')) as live:
        cli.monkeypatch.setenv("RETINUE_PORT", str(live.port))
        status, out, _ = await asyncio.to_thread(cli.ask)
        unknown = await asyncio.to_thread(lambda: cli.ask(copilot="none"))

    assert status == 0
    assert out.startswith("From the server")
    assert not cli.engine.requests
    assert unknown[0] == 2


async def test_another_program_on_the_port_gets_no_page_text(cli: Cli) -> None:
    from websockets.asyncio.server import ServerConnection, serve

    heard = []

    async def impostor(socket: ServerConnection) -> None:
        heard.append(await socket.recv())
        await socket.send(json.dumps({"type": "challenge", "version": 1, "nonce": "0" * 64, "mac": "0" * 64}))
        async for message in socket:
            heard.append(message)

    KeyFile(cli.settings.config_dir).ensure_cli_key()
    async with serve(impostor, "127.0.0.1", 0) as server:
        cli.monkeypatch.setenv("RETINUE_PORT", str(next(iter(server.sockets)).getsockname()[1]))
        status, _, err = await asyncio.to_thread(cli.ask)

    assert (status, err.split(": ")[1]) == (1, "impostor")
    assert [json.loads(message)["type"] for message in heard] == ["hello"]


def test_copilots_bases_and_pairs_are_listed(cli: Cli) -> None:
    KeyFile(cli.settings.config_dir).store("chrome-extension://x", b"k" * 32)

    assert "legal/lease" in cli("copilots")[1]
    assert cli("bases")[0] == 0
    assert cli("pair", "list")[1] == "chrome-extension://x\n"
    assert cli("pair", "revoke", "chrome-extension://x")[0] == 0
    assert cli("pair", "list")[1] == ""
    assert cli("pair", "revoke", "chrome-extension://x")[0] == 1


def test_doctor_says_what_to_fix(cli: Cli) -> None:
    status, out, err = cli("doctor")

    assert status == 1  # there is no base model in this test's folder
    assert err == ""
    assert out.count("is not here yet: run `retinue bases pull`") == 2
    assert [line.split("  ")[0] for line in out.splitlines()] == [
        "python", "torch", "base model", "weights", "encoder", "copilots", "port", "pairing file", "extension"
    ]  # fmt: skip


def test_help_comes_at_once_without_torch() -> None:
    script = (
        "import sys; from server.cli.main import app; app(['--help'], standalone_mode=False);"
        "sys.exit(bool({'torch', 'transformers', 'uvicorn', 'trafilatura'} & set(sys.modules)))"
    )
    started = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "Start the local server" in done.stdout
    assert time.monotonic() - started < 5  # about 0.3 s on an idle machine
