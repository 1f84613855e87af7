"""`retinue doctor`: each thing that can be wrong on a machine is named, with what to do."""

import ast
import importlib.util
import json
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from server.catalog.acquire.sources import SourceNote, write_note
from server.cli import doctor
from server.cli.doctor import Finding, examine
from server.cli.doctor_report import Report, report_of
from server.files import sha256_of
from server.settings import Settings
from server.transport.keyfile import KeyFile
from tests.real_base import REAL_BASES
from tests.server.fakes import settings

WEIGHTS = b"weights of a base"
GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "when-something-is-wrong.md"


@pytest.fixture
def chosen(tmp_path: Path) -> Settings:
    """A base of a few bytes, with its note, is the one in use."""
    found = settings(tmp_path, base="tiny", bases_dir=tmp_path / "bases", port=1)
    folder = found.bases_dir / "tiny"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    digests = {file.name: sha256_of(file) for file in folder.iterdir()}
    write_note(folder, SourceNote(kind="file", origin="tiny.gguf", licence="Apache-2.0", sha256=digests))
    return found


def found(what: str, chosen: Settings) -> Finding:
    return next(finding for finding in examine(chosen) if finding.what == what)


def test_a_base_that_is_whole_is_described(chosen: Settings) -> None:
    finding = found("base model", chosen)

    assert finding.fix == ""
    assert finding.found == "tiny (llama, 0 MiB, file tiny.gguf)"


@pytest.mark.parametrize(
    ("harm", "says", "fix"),
    [
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x"), "model.safetensors is damaged", "delete "),
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors is damaged", "delete "),
        (lambda folder: _without_note(folder, "config.json", "{"), "tiny", "config.json cannot be read"),
        (lambda folder: _without_note(folder, "model.safetensors", ""), "(llama, ", "no model.safetensors"),
    ],
)
def test_a_base_that_is_damaged_says_what_to_do(
    chosen: Settings, harm: Callable[[Path], object], says: str, fix: str
) -> None:
    harm(chosen.bases_dir / "tiny")

    finding = found("base model", chosen)

    assert says in finding.found
    assert fix in finding.fix


def _without_note(folder: Path, name: str, text: str) -> None:
    (folder / "source.json").unlink()
    (folder / name).write_text(text)


def test_a_base_that_is_not_there_is_a_finding_not_an_end(chosen: Settings) -> None:
    finding = found("base model", chosen.model_copy(update={"base": "none"}))

    assert finding.found == "base_missing"
    assert "retinue bases" in finding.fix


def test_the_base_and_the_encoder_that_set_up_put_here_are_in_order(tmp_path: Path) -> None:
    real = settings(tmp_path, base="SmolLM2-135M-Instruct", bases_dir=REAL_BASES, port=1)

    assert found("base model", real).fix == found("encoder", real).fix == ""
    assert "all-MiniLM-L6-v2" in found("encoder", real).found


def test_a_port_that_answers_is_told_from_a_free_one(chosen: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        assert found("port", chosen.model_copy(update={"port": port})).found == f"{port} answers (the server runs)"
    assert found("port", chosen).found == "1 is free (the server does not run)"


def test_a_key_file_that_others_could_read_is_mended_and_said_once(chosen: Settings) -> None:
    assert "none yet" in found("pairing file", chosen).found
    keys = KeyFile(chosen.config_dir)
    keys.store("chrome-extension://x", b"k" * 32)

    assert found("pairing file", chosen) == Finding("pairing file", f"1 keys in {keys.path}")
    keys.path.chmod(0o644)
    assert "other users could read it" in found("pairing file", chosen).fix
    assert not found("pairing file", chosen).fix


def test_a_refused_copilot_is_named_with_its_reason(chosen: Settings) -> None:
    bad = chosen.user_dir / "copilots" / "legal" / "bad"
    bad.mkdir(parents=True)
    (bad / "copilot.toml").write_text("name = 1\n")

    finding = found("copilots", chosen)

    assert "1 refused" in finding.found
    assert "legal/bad: copilot.toml" in finding.fix


def test_what_is_not_installed_or_built_says_how(chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(doctor, "extension_build", lambda: None)

    assert found("torch", chosen) == Finding("torch", "missing", "run `make setup`", "torch_missing")
    assert "make setup" in found("extension", chosen).fix
    monkeypatch.setattr(doctor, "extension_build", lambda: Path("/build"))
    assert found("extension", chosen) == Finding("extension", "/build")


def test_a_full_disk_and_a_full_memory_are_told(chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("disk", chosen).code == found("memory", chosen).code == "ok"
    monkeypatch.setattr(doctor, "SPARE_BYTES", 2**60)
    monkeypatch.setattr(doctor, "_MEMORY_BYTES", 2**60)

    assert (found("disk", chosen).code, found("memory", chosen).code) == ("disk_low", "memory_low")


def test_what_is_wrong_has_a_code_and_what_to_do_and_nothing_else_has(chosen: Settings) -> None:
    (chosen.bases_dir / "tiny" / "model.safetensors").unlink()
    findings = list(examine(chosen))

    assert all((finding.code == "ok") == (finding.fix == "") for finding in findings)
    assert {"base_damaged", "encoder_missing"} <= {finding.code for finding in findings}


def test_the_report_is_read_back_strictly(chosen: Settings) -> None:
    report = report_of(examine(chosen))
    text = report.model_dump_json()

    assert Report.model_validate_json(text) == report
    assert list(json.loads(text)) == ["version", "retinue", "ok", "lines"]
    assert not report.ok
    assert report_of([Finding("port", "8377 is free")]).ok
    for bad in ('"version":2', '"version":1,"more":1'):
        with pytest.raises(ValidationError):
            Report.model_validate_json(text.replace('"version":1', bad))


def test_each_code_is_explained_in_the_guide() -> None:
    tree = ast.parse(Path(doctor.__file__).read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    findings = [call for call in calls if vars(call.func)["id"] == "Finding" and len(call.args) == 4]
    codes = {code.value for call in findings if isinstance(code := call.args[3], ast.Constant)}

    table = GUIDE.read_text(encoding="utf-8").partition("## The codes")[2]
    assert "base_missing" in codes
    assert codes == set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
