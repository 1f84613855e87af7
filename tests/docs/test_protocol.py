"""docs/protocol.md is made from the frames, the settings and the source; what it lacks is named."""

import subprocess
import sys
from pathlib import Path

import pytest

from server.protocol.client import CLIENT_FRAME
from server.protocol.server import SERVER_FRAME
from server.transport.pairing import PairingCode

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "extension" / "scripts"


@pytest.fixture(autouse=True)
def scripts_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def rendered(meanings: Path | None = None) -> str:
    import protocol_docs

    with pytest.MonkeyPatch.context() as patched:
        if meanings is not None:
            patched.setattr(protocol_docs, "FIELDS", meanings)
        return protocol_docs.render()


def meanings(folder: Path, *, without: str = "", extra: str = "") -> Path:
    file = folder / "protocol_fields.toml"
    lines = (SCRIPTS / file.name).read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join([line for line in lines if not without or not line.startswith(without)] + [extra]))
    return file


@pytest.mark.parametrize("script", ["protocol.py", "protocol_docs.py"])
def test_what_is_generated_is_up_to_date(script: str) -> None:
    command = [sys.executable, str(SCRIPTS / script), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our interpreter

    assert (done.returncode, done.stderr) == (0, "")


def test_a_stale_file_is_named_and_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import protocol_docs

    stale = tmp_path / "protocol.md"
    stale.write_text("# Old\n")
    monkeypatch.setattr(protocol_docs, "TARGET", stale)
    monkeypatch.setattr(protocol_docs, "render", lambda: "# New\n")

    assert protocol_docs.main(["--check"]) == 1
    assert stale.read_text() == "# Old\n"
    assert protocol_docs.main([]) == 0
    assert stale.read_text() == "# New\n"


def test_every_frame_and_every_field_is_there() -> None:
    text = rendered()

    for adapter in (CLIENT_FRAME, SERVER_FRAME):
        schema = adapter.json_schema()
        for frame in schema["discriminator"]["mapping"]:
            assert f"\n### `{frame}` (" in text
        for name, model in schema["$defs"].items():
            section = text.partition(f"({name})\n" if "type" in model["properties"] else f"### {name}\n")[2]
            section = section.partition("\n##")[0]
            assert all(f"| `{field}`" in section for field in model["properties"] if field != "type"), name


def test_a_field_without_a_meaning_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"does not say what Ask\.history means"):
        rendered(meanings(tmp_path, without='"Ask.history"'))


def test_a_meaning_without_its_field_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="explains what is not there: no_such_setting"):
        rendered(meanings(tmp_path, extra='no_such_setting = "nothing"'))


def test_codes_come_from_where_they_are_raised() -> None:
    from error_codes import error_codes

    found = {met.code: met for met in error_codes(ROOT / "server")}
    code = PairingCode(valid_s=1, tries_max=0, tries_in_all_max=1, announce=lambda _: None)
    code.issue()
    with pytest.raises(Exception, match="Too many wrong codes") as locked:
        code.take_try("chrome-extension://x")

    assert vars(locked.value)["code"] in found
    assert {"bad_frame", "busy", "run_timeout", "page_failed", "copilot_unknown"} <= found.keys()
    assert not {"impostor", "server_gone", "base_consent", "data_invalid"} & found.keys()
    assert found["run_too_long"].sentence.startswith("Page, history and question fill")
