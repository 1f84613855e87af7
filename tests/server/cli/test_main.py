"""The command line, with a fake engine or a running server."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.transport.keyfile import KeyFile
from server.transport.pairing import PairingCode
from tests.server.cli.commands import Cli
from tests.server.fakes import FakeEngine
from tests.server.live import running


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(tmp_path, monkeypatch, capsys)


def test_an_answer_and_its_verified_quotes_are_printed(cli: Cli) -> None:
    status, out, err = cli.ask()

    assert (status, err) == (0, "")
    assert out.splitlines() == ['The term is "two years" [2].', "✓ “two years” [2]"]
    assert (cli.engine.rows, cli.engine.open_pages, cli.engine.running) == (0, [], False)


def test_without_a_page_the_answer_says_so_and_quotes_nothing(cli: Cli) -> None:
    status, out, err = cli("ask", "lease", "How long?")

    assert (status, err) == (0, "")
    assert out.startswith("I have no page here")
    assert "✓" not in out
    assert "✗" not in out
    assert (cli.engine.rows, cli.engine.open_pages) == (0, [])


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
    keys = KeyFile(cli.settings.config_dir)
    paired = keys.store("chrome-extension://x", b"k" * 32, client="home", name="Chrome on linux")

    assert "legal/lease" in cli("copilots")[1]
    assert cli("bases")[0] == 0
    listed = cli("pair", "list")[1].split("  ")
    assert [part.strip() for part in listed if part] == [paired.id, "Chrome on linux", paired.origin, paired.paired_on]
    assert cli("pair", "revoke", paired.id)[1] == f"Chrome on linux ({paired.id}) is no longer paired.\n"
    assert cli("pair", "list")[1] == ""
    assert cli("pair", "revoke", paired.id)[0] == 1


def test_a_code_that_the_command_line_makes_is_the_running_servers(cli: Cli) -> None:
    status, out, _ = cli("pair", "code")
    server = PairingCode.for_settings(cli.settings, announce=lambda _: pytest.fail("a code of its own"))

    assert status == 0
    assert server.take_try("chrome-extension://x") in out


def test_doctor_says_what_to_fix(cli: Cli) -> None:
    status, out, err = cli("doctor")

    assert status == 1  # there is no base model in this test's folder
    assert err == ""
    assert out.count("is not here yet: run `retinue bases pull`") == 2
    assert [line.split("  ")[0] for line in out.splitlines()] == [
        "python", "torch", "engine", "base model", "weights", "encoder", "copilots", "disk", "memory", "port",
        "autostart", "pairing file", "extension",
    ]  # fmt: skip


def test_the_doctor_s_json_is_exactly_one_object(cli: Cli) -> None:
    status, out, err = cli("doctor", "--json")
    report = json.loads(out)

    assert (status, err, out.count("\n")) == (1, "", 1)
    assert report["ok"] is False
    assert report["lines"][3]["code"] == "base_missing"
    assert "retinue bases pull" in report["lines"][3]["fix"]


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
