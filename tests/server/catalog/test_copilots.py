"""Copilot folders, good and bad."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from server.catalog.copilots import Copilot, Copilots
from server.engine import AdapterRef, BaseInfo
from server.errors import CopilotError
from tests.server.fakes import write_copilot

BASE = BaseInfo("tiny", "f", 1, 100)


def accept(folder: Path, _: BaseInfo) -> AdapterRef:
    return AdapterRef("x", folder, "digest")


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Copilots]:
    def make(**fields: object) -> Copilots:
        defaults = {"base": BASE, "check_adapter": accept, "adapter_bytes_max": 1_000}
        return Copilots(adapters_dir=tmp_path / "a", user_dir=tmp_path / "u", **{**defaults, **fields})  # type: ignore[arg-type]

    return make


def by_id(copilots: Copilots) -> dict[str, Copilot]:
    return {copilot.id: copilot for copilot in copilots.all()}


def write_adapter(folder: Path, header: object | None = None, data: bytes = b"\0" * 8) -> Path:
    adapter = folder / "_adapters" / "tiny"
    adapter.mkdir(parents=True)
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "lock.json").write_text("{}")
    entry = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    raw = json.dumps(entry if header is None else header).encode()
    (adapter / "adapter_model.safetensors").write_bytes(struct.pack("<Q", len(raw)) + raw + data)
    return adapter


def test_the_generalist_is_always_there(read: Callable[..., Copilots]) -> None:
    assert [(copilot.id, copilot.mode) for copilot in read().all()] == [("generalist", "base")]


def test_instructions_and_checks_of_the_category_come_first(read: Callable[..., Copilots], tmp_path: Path) -> None:
    write_copilot(tmp_path / "a")
    (tmp_path / "a/legal/category.toml").write_text(
        'name = "Legal"\ninstructions = "Quote."\nchecks = ["cites_block"]\n'
    )

    copilot = read().get("legal/lease")

    assert copilot.category_name == "Legal"
    assert copilot.instructions == "Quote.\nBe brief."
    assert [check.label for check in copilot.checks] == ["cites_block", "quotes_verbatim"]
    assert copilot.mode == "instructed"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "copilot.toml: name"),
        ("{", "no valid TOML"),
        ('name = "x"\npromise = "y"\nextra = 1', "extra"),
        ('name = 1\npromise = "y"', "name"),
        ('name = "x"\npromise = "y"\nchecks = ["nope"]', "line 3: checks.0"),
        ('name = "x"\npromise = "y"\n#' + "x" * 65_536, "larger than 64 KiB"),
        ('name = "x"\npromise = "y"\nnorms = "Quote."', "rename `norms` to `instructions`"),
        ("a = " + "[" * 20_000, "no valid TOML"),
    ],
)
def test_a_bad_file_is_refused_and_hides_no_other(
    read: Callable[..., Copilots], tmp_path: Path, text: str, reason: str
) -> None:
    write_copilot(tmp_path / "a", "legal/good")
    (write_copilot(tmp_path / "a", "legal/bad") / "copilot.toml").write_text(text)

    found = by_id(read())

    assert found["legal/good"].refused is None
    assert reason in (found["legal/bad"].refused or "")
    with pytest.raises(CopilotError) as refusal:
        read().get("legal/bad")
    assert refusal.value.code == "copilot_refused"


@pytest.mark.parametrize("name", ["legal/Lease", "legal/le ase", "legal/con", "legal/-x", "legal/" + "x" * 65, "nul/x"])
def test_bad_names_are_refused(read: Callable[..., Copilots], tmp_path: Path, name: str) -> None:
    write_copilot(tmp_path / "a", name)

    assert "not allowed" in (by_id(read())[name].refused or "")


def test_links_are_refused(read: Callable[..., Copilots], tmp_path: Path) -> None:
    outside = write_copilot(tmp_path / "outside")
    (tmp_path / "a/legal").mkdir(parents=True)
    (tmp_path / "a/legal/folder").symlink_to(outside)
    (tmp_path / "a/legal/file").mkdir()
    (tmp_path / "a/legal/file/copilot.toml").symlink_to(outside / "copilot.toml")

    found = by_id(read())

    assert all("link" in (found[name].refused or "") for name in ("legal/folder", "legal/file"))


def test_a_short_name_is_enough_when_it_is_clear(read: Callable[..., Copilots], tmp_path: Path) -> None:
    for name in ("legal/lease", "legal/tenant", "housing/tenant"):
        write_copilot(tmp_path / "a", name)

    assert read().get("lease").id == "legal/lease"
    assert read().get("housing/tenant").id == "housing/tenant"
    for name, code in (("tenant", "copilot_ambiguous"), ("none", "copilot_unknown"), ("", "copilot_unknown")):
        with pytest.raises(CopilotError) as refusal:
            read().get(name)
        assert refusal.value.code == code


def test_an_adapter_makes_a_copilot_tuned(read: Callable[..., Copilots], tmp_path: Path) -> None:
    adapter = write_adapter(write_copilot(tmp_path / "a"))

    copilot = read().get("lease")

    assert copilot.mode == "tuned"
    assert copilot.adapter == AdapterRef("legal/lease", adapter, "digest")


def test_an_adapter_in_the_users_folder_belongs_to_the_built_in_copilot(
    read: Callable[..., Copilots], tmp_path: Path
) -> None:
    write_copilot(tmp_path / "a")
    users = tmp_path / "u/copilots/legal/lease"
    users.mkdir(parents=True)
    adapter = write_adapter(users)

    copilot = read().get("lease")

    assert copilot.name == "Lease"
    assert copilot.adapter is not None
    assert copilot.adapter.folder == adapter


def test_the_users_copilot_wins_over_the_built_in_one(read: Callable[..., Copilots], tmp_path: Path) -> None:
    write_copilot(tmp_path / "a")
    write_copilot(tmp_path / "u/copilots", text='name = "Mine"\npromise = "p"')

    assert read().get("lease").name == "Mine"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: (folder / "lock.json").unlink(), "lock.json is missing"),
        (lambda folder: (folder / "lock.json").write_text("[]"), "lock.json is broken"),
        (lambda folder: (folder / "adapter_config.json").write_text("{"), "no valid JSON"),
        (lambda folder: (folder / "adapter_config.json").write_text(" " * 65_537), "larger than 64 KiB"),
        (lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"\0"), "cut off"),
        (lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"\xff" * 16), "cut off"),
        (lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"\0" * 1_001), "larger than"),
    ],
)
def test_a_bad_adapter_leaves_the_copilot_instructed(
    read: Callable[..., Copilots], tmp_path: Path, spoil: Callable[[Path], object], reason: str
) -> None:
    spoil(write_adapter(write_copilot(tmp_path / "a")))

    copilot = read().get("lease")

    assert copilot.mode == "instructed"
    assert reason in (copilot.refused or "")


@pytest.mark.parametrize(
    "header",
    [
        [],
        {"a": 1},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 9]}},
        {"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]}},
        {"a": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]}},
    ],
)
def test_a_header_that_lies_is_refused(read: Callable[..., Copilots], tmp_path: Path, header: object) -> None:
    write_adapter(write_copilot(tmp_path / "a"), header)

    assert read().get("lease").mode == "instructed"
    assert read().get("lease").refused


def test_an_adapter_that_its_own_report_rejects_is_not_used(read: Callable[..., Copilots], tmp_path: Path) -> None:
    adapter = write_adapter(write_copilot(tmp_path / "a"))
    (adapter / "report.json").write_text('{"active": false, "reason": "It gained nothing."}')

    copilot = read().get("legal/lease")

    assert copilot.mode == "instructed"
    assert copilot.refused == "The adapter is not used: its held-out report says: It gained nothing."


@pytest.mark.parametrize("failure", [CopilotError("Made for another base."), ZeroDivisionError("secret path")])
def test_the_engines_refusal_is_shown(read: Callable[..., Copilots], tmp_path: Path, failure: Exception) -> None:
    write_adapter(write_copilot(tmp_path / "a"))

    def refuse(*_: object) -> AdapterRef:
        raise failure

    copilot = read(check_adapter=refuse).get("lease")

    assert copilot.mode == "instructed"
    assert copilot.refused
    assert "secret path" not in copilot.refused


def test_an_engine_that_knows_no_activated_adapters_gets_the_plain_variants(
    read: Callable[..., Copilots], tmp_path: Path
) -> None:
    activated = write_adapter(write_copilot(tmp_path / "a"))
    plain = activated.parents[1] / "_plain" / "tiny"
    shutil.copytree(activated, plain)
    copilots = read(plain=True)
    elsewhere = copilots.get("lease").adapter
    copilots.rebase(BASE, accept)
    here = copilots.get("lease").adapter

    assert elsewhere is not None and elsewhere.folder == plain
    assert here is not None and here.folder == activated


def test_a_new_folder_is_found_at_the_next_refresh(read: Callable[..., Copilots], tmp_path: Path) -> None:
    calls = []

    def count(folder: Path, base: BaseInfo) -> AdapterRef:
        calls.append(folder)
        return accept(folder, base)

    copilots = read(check_adapter=count)
    write_adapter(write_copilot(tmp_path / "a"))
    copilots.refresh()
    copilots.refresh()
    assert len(calls) == 1

    write_copilot(tmp_path / "a", "legal/new")
    copilots.refresh()
    assert "legal/new" in by_id(copilots)


def test_the_copilots_that_ship_are_all_good() -> None:
    adapters = Path(__file__).parents[3] / "adapters"
    found = Copilots(adapters_dir=adapters, user_dir=adapters / "none").all()

    assert len(found) >= 4
    assert [copilot.refused for copilot in found if copilot.refused] == []


def test_a_category_with_an_adapter_answers_for_its_copilots_but_for_those_with_their_own(
    read: Callable[..., Copilots], tmp_path: Path
) -> None:
    for copilot in ("legal/lease", "legal/tuned", "health/sleep"):
        write_copilot(tmp_path / "a", copilot)
    write_adapter(tmp_path / "a/legal")
    write_adapter(tmp_path / "a/legal/tuned")
    write_adapter(tmp_path / "a/general")

    found = by_id(read())

    assert {name: copilot.mode for name, copilot in found.items()} == {
        "generalist": "general", "health/sleep": "general", "legal/lease": "domain", "legal/tuned": "tuned",
    }  # fmt: skip
    lease, tuned = found["legal/lease"].adapter, found["legal/tuned"].adapter
    assert lease is not None and lease.folder == tmp_path / "a/legal/_adapters/tiny"
    assert tuned is not None and tuned.folder == tmp_path / "a/legal/tuned/_adapters/tiny"


def test_a_refused_adapter_of_a_category_leaves_its_copilots_the_general_one(
    read: Callable[..., Copilots], tmp_path: Path
) -> None:
    write_copilot(tmp_path / "a", "legal/lease")
    write_adapter(tmp_path / "a/legal", header=[])
    write_adapter(tmp_path / "a/general")

    lease = read().get("legal/lease")

    assert lease.mode == "general" and lease.refused


def write_panel(root: Path, *copilots: str, category: str = "legal") -> None:
    (root / category).mkdir(parents=True, exist_ok=True)
    (root / category / "category.toml").write_text(f'name = "Legal"\nicon = "scale"\npanel = {json.dumps(copilots)}\n')


def test_a_category_proposes_a_panel_of_copilots_of_any_category(read: Callable[..., Copilots], tmp_path: Path) -> None:
    for copilot_id in ("legal/lease", "writing/plain"):
        write_copilot(tmp_path / "a", copilot_id)
    write_panel(tmp_path / "a", "writing/plain", "legal/lease", "generalist", "legal/gone")

    [panel] = read().panels()

    assert (panel.category, panel.category_name, panel.icon) == ("legal", "Legal", "scale")
    assert panel.copilots == ("writing/plain", "legal/lease", "generalist")


def test_a_panel_of_which_one_copilot_is_left_is_none(read: Callable[..., Copilots], tmp_path: Path) -> None:
    write_copilot(tmp_path / "a")
    write_panel(tmp_path / "a", "legal/lease", "legal/gone")

    assert read().panels() == []


def test_the_users_own_panel_wins_and_follows_its_file(read: Callable[..., Copilots], tmp_path: Path) -> None:
    for name in ("lease", "terms", "letters"):
        write_copilot(tmp_path / "a", f"legal/{name}")
    write_panel(tmp_path / "a", "legal/lease", "legal/terms")
    copilots = read()
    assert copilots.panels()[0].copilots == ("legal/lease", "legal/terms")

    write_panel(tmp_path / "u" / "copilots", "legal/terms", "legal/letters")
    copilots.refresh()

    assert [panel.copilots for panel in copilots.panels()] == [("legal/terms", "legal/letters")]


@pytest.mark.parametrize(
    "copilots",
    [["legal/lease"], ["legal/lease", "legal/lease"], [f"legal/{n}" for n in range(6)], ["Legal/x", "legal/lease"], []],
)
def test_a_panel_that_cannot_be_is_refused_with_its_line(
    read: Callable[..., Copilots], tmp_path: Path, copilots: list[str]
) -> None:
    write_copilot(tmp_path / "a")
    write_panel(tmp_path / "a", *copilots)

    found = read()

    assert (by_id(found)["legal/lease"].refused or "").startswith("legal/lease: category.toml, line 3: panel")
    assert found.panels() == []
