"""Base models from a hub that is a folder: nothing here needs a network."""

import hashlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from server.catalog.acquire import disk, install, pull
from server.catalog.acquire.hub import HubFile, HuggingFace, Offer
from server.catalog.acquire.hub import main as bring_one_file
from server.catalog.acquire.sources import DEFAULT_BASE, read_note
from server.catalog.bases import list_bases
from server.cli import bases as base_commands
from server.cli.main import main
from server.errors import BaseError
from server.settings import Settings, load_settings
from tests.server.fakes import settings as make_settings

REPO = "acme/tiny-1"
FILES = {
    "config.json": b'{"model_type": "qwen3"}',
    "tokenizer.json": b"{}",
    "model-00001-of-00002.safetensors": b"weights one",
    "model-00002-of-00002.safetensors": b"weights two",
    "model.safetensors.index.json": b"{}",
    "pytorch_model.bin": b"pickle",
    "modeling_own.py": b"code",
    "onnx/model.safetensors": b"elsewhere",
}


class FolderHub:
    """A hub of one model. `breaks_at` files it goes offline; `damages` one file."""

    def __init__(self, files: dict[str, bytes] = FILES) -> None:
        self.files = dict(files)
        self.fetched: list[str] = []
        self.breaks_at: int | None = None
        self.damages = ""

    def describe(self, repo: str) -> Offer:
        if repo != REPO:
            raise BaseError("no such model", code="base_unknown")
        return Offer(repo, "c0ffee", "apache-2.0", tuple(_entry(name, data) for name, data in self.files.items()))

    def fetch(self, offer: Offer, names: Sequence[str], folder: Path) -> None:
        for name in names:
            if (folder / name).exists() and (folder / name).stat().st_size == len(self.files[name]):
                continue
            if self.breaks_at is not None and len(self.fetched) >= self.breaks_at:
                raise BaseError("offline", code="base_offline")
            data = self.files[name]
            (folder / name).write_bytes(data[:-1] + b"?" if name == self.damages else data)
            self.fetched.append(name)


def _entry(name: str, data: bytes) -> HubFile:
    if name.endswith(".safetensors"):
        return HubFile(name, len(data), sha256=hashlib.sha256(data).hexdigest())
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
    return HubFile(name, len(data), git_sha1=blob.hexdigest())


@pytest.fixture
def chosen(tmp_path: Path) -> Settings:
    made = make_settings(tmp_path)
    other = made.bases_dir / "fake"
    other.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json"):
        (other / name).write_text("{}")
    return made


def fetch(chosen: Settings, hub: FolderHub, *, agrees: bool = True) -> Path:
    return pull.pull(REPO, chosen, hub=hub, consent=lambda offer, size: agrees)


def refusal(chosen: Settings, hub: FolderHub, *, agrees: bool = True) -> str:
    with pytest.raises(BaseError) as refused:
        fetch(chosen, hub, agrees=agrees)
    return refused.value.code


def test_a_pulled_base_holds_what_is_needed_and_no_code(chosen: Settings) -> None:
    hub = FolderHub()
    folder = fetch(chosen, hub)
    assert {file.name for file in folder.iterdir()} == {
        "config.json", "tokenizer.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.safetensors.index.json", "source.json",
    }  # fmt: skip
    assert list_bases(chosen)["tiny-1"] == folder
    note = read_note(folder)
    assert note is not None
    assert (note.kind, note.origin, note.version, note.licence) == ("hub", REPO, "c0ffee", "apache-2.0")
    assert note.sha256["config.json"] == hashlib.sha256(FILES["config.json"]).hexdigest()
    assert refusal(chosen, hub) == "base_exists"


def test_a_download_that_was_cut_off_is_no_base_and_goes_on(chosen: Settings) -> None:
    hub = FolderHub()
    hub.breaks_at = 4
    assert refusal(chosen, hub) == "base_offline"
    assert "tiny-1" not in list_bases(chosen)
    hub.breaks_at = None
    sizes: list[int] = []

    def agree(offer: Offer, size: int) -> bool:
        sizes.append(size)
        return True

    pull.pull(REPO, chosen, hub=hub, consent=agree)
    assert sizes == [len(b"weights two")]
    assert len(hub.fetched) == len(set(hub.fetched)) == 5


@pytest.mark.parametrize("name", ["model-00002-of-00002.safetensors", "tokenizer.json"])
def test_a_damaged_file_is_found_and_fetched_anew(chosen: Settings, name: str) -> None:
    hub = FolderHub()
    hub.damages = name
    assert refusal(chosen, hub) == "base_damaged"
    assert "tiny-1" not in list_bases(chosen)
    hub.damages = ""
    assert (fetch(chosen, hub) / name).read_bytes() == FILES[name]


@pytest.mark.parametrize(
    "change",
    [
        {"config.json": b'{"layer_types": ["linear_attention", "full_attention"]}'},
        {"config.json": b'{"auto_map": {"AutoModel": "own.Model"}}'},
        {"config.json": b"["},
        {"tokenizer.json": None},
        {"model-00001-of-00002.safetensors": None, "model-00002-of-00002.safetensors": None},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_served_is_refused_before_its_weights(chosen: Settings, change: dict[str, bytes | None]) -> None:
    files = {name: data for name, data in (FILES | change).items() if data is not None}
    hub = FolderHub(files)
    assert refusal(chosen, hub) == "base_unsupported"
    assert not [name for name in hub.fetched if name.endswith(".safetensors")]


def test_nothing_is_fetched_without_room_or_consent(chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = FolderHub()
    assert refusal(chosen, hub, agrees=False) == "base_declined"
    usage = shutil.disk_usage(chosen.bases_dir)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage._replace(free=disk.SPARE_BYTES))
    assert refusal(chosen, hub) == "base_disk_full"
    assert not hub.fetched


@pytest.mark.parametrize("name", ["tiny", "../x/y", "a/..", "a/b/c", "", "-a/b"])
def test_a_name_that_is_no_model_is_refused(chosen: Settings, name: str) -> None:
    with pytest.raises(BaseError) as refused:
        pull.pull(name, chosen, hub=FolderHub(), consent=lambda offer, size: True)
    assert refused.value.code == "base_name"


def test_the_default_bases_name_is_not_given_to_another_one(chosen: Settings) -> None:
    with pytest.raises(BaseError) as refused:
        pull.pull(f"acme/{DEFAULT_BASE.name}", chosen, hub=FolderHub(), consent=lambda offer, size: True)
    assert refused.value.code == "base_name_taken"


def test_without_a_name_the_default_base_and_the_encoder_are_brought(
    chosen: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(install, "ensure", lambda settings, say: asked.append(settings.base))
    monkeypatch.setenv("RETINUE_BASE", "fake")
    base_commands.pull()
    assert asked == [DEFAULT_BASE.name]


def test_a_base_is_chosen_in_the_settings_file_and_only_then_the_other_can_go(chosen: Settings) -> None:
    folder = fetch(chosen, FolderHub())
    chosen.config_dir.mkdir(parents=True, exist_ok=True)
    (chosen.config_dir / "settings.toml").write_text('# mine\nbase = "fake"\nrows_max = 4\n')
    overrides = {"config_dir": chosen.config_dir, "user_dir": chosen.user_dir, "adapters_dir": chosen.adapters_dir}
    assert load_settings(**overrides).base == "fake"
    pull.use("tiny-1", chosen)
    now = load_settings(**overrides)
    assert (now.base, now.rows_max) == ("tiny-1", 4)
    assert "# mine" in (chosen.config_dir / "settings.toml").read_text()
    for name, at, code in (
        ("tiny-1", now, "base_in_use"), ("none", now, "base_missing"), ("../tiny-1", now, "base_missing"),
    ):  # fmt: skip
        with pytest.raises(BaseError) as refused:
            pull.remove(name, at)
        assert refused.value.code == code
    pull.remove("tiny-1", replace_base(now, "fake"))
    assert not folder.exists()
    with pytest.raises(BaseError):
        pull.use("tiny-1", chosen)


def replace_base(chosen: Settings, base: str) -> Settings:
    return chosen.model_copy(update={"base": base})


def test_the_environment_wins_over_the_file_and_a_broken_file_is_named(
    chosen: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen.config_dir.mkdir(parents=True, exist_ok=True)
    file = chosen.config_dir / "settings.toml"
    file.write_text('base = "one"\n')
    monkeypatch.setenv("RETINUE_CONFIG_DIR", str(chosen.config_dir))
    assert load_settings().base == "one"
    monkeypatch.setenv("RETINUE_BASE", "two")
    assert load_settings().base == "two"
    for text, named in (("base =", "settings.toml"), ("colour = 1", "colour")):
        file.write_text(text)
        with pytest.raises(Exception, match=named):
            load_settings()


def test_the_command_line_lists_pulls_uses_and_removes(
    chosen: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("adapters_dir", "user_dir", "config_dir"):
        monkeypatch.setenv(f"RETINUE_{name.upper()}", str(getattr(chosen, name)))
    monkeypatch.setattr(base_commands, "make_hub", FolderHub)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["retinue", "bases", *arguments])
        status = 0
        try:
            main()
        except SystemExit as end:
            status = int(end.code or 0)
        return status, *capsys.readouterr()

    status, out, err = run("pull", REPO)
    assert status == 1
    assert "licence: apache-2.0" in out
    assert err.startswith("retinue: base_consent: ")
    assert run("pull", REPO, "--yes")[0] == 0
    assert run("use", "tiny-1")[0] == 0
    assert "* tiny-1" in run()[1]
    assert run("list") == run()
    assert run("remove", "tiny-1")[2].startswith("retinue: base_in_use: ")
    assert f"* tiny-1  hub {REPO} c0ffee, licence: apache-2.0  " in run()[1]
    assert "  fake  source unknown  " in run()[1]
    assert run("remove", "fake")[0] == 0
    assert run("add", str(chosen.user_dir / "none"))[2].startswith("retinue: base_file_missing: ")
    assert run("pull", "acme/none")[2].startswith("retinue: base_unknown: ")


@pytest.mark.parametrize("call", ["describe", "fetch"])
def test_without_a_network_the_hub_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    import huggingface_hub
    from huggingface_hub import file_download

    def refuse(*arguments: object, **options: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(file_download, "http_get", refuse)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", refuse)
    offer = Offer(REPO, "c0ffee", "", (HubFile("config.json", 2),))
    with pytest.raises(BaseError, match="cannot be reached") as refused:
        HuggingFace().describe(REPO) if call == "describe" else HuggingFace().fetch(offer, ["config.json"], tmp_path)
    assert refused.value.code == "base_offline"


def test_one_file_is_asked_for_at_its_commit_and_a_refusal_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import huggingface_hub

    asked: list[str] = []
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", asked.append)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda repo, name, **_: asked.append(f"{repo}/{name}"))
    assert bring_one_file(REPO, "c0ffee", "tiny.gguf", tmp_path) == 0
    assert [line.rpartition(REPO)[2] for line in asked] == ["/resolve/c0ffee/tiny.gguf", "/tiny.gguf"]

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", refuse)
    assert bring_one_file(REPO, "c0ffee", "tiny.gguf", tmp_path) == 1
    assert capsys.readouterr().err.startswith("The hub cannot be reached")
