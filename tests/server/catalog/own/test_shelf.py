"""The files of a user's own copilots: written whole, never over what somebody else wrote, deleted with undo."""

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.catalog.copilot_files import COPILOT_FILE, CopilotFile
from server.catalog.own.shelf import Shelf, imported
from server.errors import CopilotError
from server.text.checks.wording import MustEndWith
from tests.server.fakes import settings, write_copilot

ID = "legal/lease-reader"
CONTENT = CopilotFile(name="Lease Reader", promise="Reads leases.", instructions="Say it.", starters=["Who pays?"])
EXPORTED = 'id = "legal/lease-reader"\nname = "Lease Reader"\npromise = "Reads leases."\n'


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(settings(tmp_path, own_copilots_max=2))


def file_of(tmp_path: Path, copilot: str = ID) -> Path:
    return tmp_path / "user" / "copilots" / copilot / COPILOT_FILE


def refused(code: str) -> "pytest.RaisesContext[CopilotError]":  # type: ignore[name-defined]
    return pytest.raises(CopilotError, check=lambda error: error.code == code)


def test_what_is_saved_is_read_again(shelf: Shelf) -> None:
    seen = shelf.save(ID, CONTENT, seen=None)

    assert shelf.read(ID) == (CONTENT, seen)
    assert (shelf.owns(ID), shelf.shadows(ID)) == (True, False)


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1, max_size=60)


@given(name=text, instructions=text, starter=text, closing=text)
def test_any_text_comes_back_from_toml_as_it_was(name: str, instructions: str, starter: str, closing: str) -> None:
    content = CopilotFile(
        name=name, promise="p", instructions=instructions, starters=[starter], checks=[MustEndWith(text=closing)]
    )
    from server.catalog.own.shelf import _written

    read = tomllib.loads(_written("", content))
    assert (read["name"], read["instructions"], read["starters"]) == (name, instructions, [starter])
    assert read["checks"] == [{"check": "must_end_with", "text": closing}]


def test_two_windows_cannot_overwrite_each_other(shelf: Shelf) -> None:
    first = shelf.save(ID, CONTENT, seen=None)
    second = shelf.save(ID, CONTENT.model_copy(update={"promise": "Other."}), seen=first)

    for stale in (first, None, "made-up"):
        with refused("copilot_edited"):
            shelf.save(ID, CONTENT, seen=stale)
    assert shelf.read(ID)[1] == second


def test_a_new_copilot_that_was_deleted_meanwhile_is_not_saved_silently(shelf: Shelf) -> None:
    seen = shelf.save(ID, CONTENT, seen=None)
    shelf.delete(ID)

    with refused("copilot_edited"):
        shelf.save(ID, CONTENT, seen=seen)


def test_comments_and_the_icon_of_a_file_that_was_written_by_hand_stay(shelf: Shelf, tmp_path: Path) -> None:
    shelf.save(ID, CONTENT, seen=None)
    written = file_of(tmp_path)
    written.write_text("# mine\n" + written.read_text() + 'icon = "scale"\n')
    _, seen = shelf.read(ID)

    shelf.save(ID, CONTENT.model_copy(update={"name": "Renamed"}), seen=seen)

    assert written.read_text().startswith("# mine\n")
    assert tomllib.loads(written.read_text())["icon"] == "scale"
    assert shelf.read(ID)[0].name == "Renamed"


def test_a_category_is_made_only_where_none_ships(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "adapters" / "legal").mkdir(parents=True)
    (tmp_path / "adapters" / "legal" / "category.toml").write_text('name = "Legal"\n')
    shelf.save(ID, CONTENT, seen=None)
    shelf.save("my-team/notes", CONTENT, seen=None)

    root = tmp_path / "user" / "copilots"
    assert not (root / "legal" / "category.toml").exists()
    assert tomllib.loads((root / "my-team" / "category.toml").read_text())["name"] == "My Team"


def test_the_number_of_copilots_has_a_limit(shelf: Shelf) -> None:
    shelf.save("a/one", CONTENT, seen=None)
    seen = shelf.save("a/two", CONTENT, seen=None)

    with refused("copilot_too_many"):
        shelf.save("a/three", CONTENT, seen=None)
    shelf.save("a/two", CONTENT, seen=seen)


def test_a_deleted_copilot_comes_back_with_all_that_lay_beside_it(shelf: Shelf, tmp_path: Path) -> None:
    shelf.save(ID, CONTENT, seen=None)
    (file_of(tmp_path).parent / "train.jsonl").write_text("{}")
    shelf.delete(ID)
    assert not shelf.owns(ID)

    shelf.restore(ID)
    assert (file_of(tmp_path).parent / "train.jsonl").read_text() == "{}"
    shelf.delete(ID)
    shelf.purge(ID)
    with refused("copilot_unknown"):
        shelf.restore(ID)
    assert os.listdir(tmp_path / "user" / "copilots" / "legal") in (["category.toml"], [])


def test_a_deleted_copilot_does_not_take_the_place_of_a_new_one(shelf: Shelf) -> None:
    shelf.save(ID, CONTENT, seen=None)
    shelf.delete(ID)
    shelf.save(ID, CONTENT, seen=None)

    with refused("copilot_exists"):
        shelf.restore(ID)


def test_one_that_ships_is_read_and_not_deleted(shelf: Shelf, tmp_path: Path) -> None:
    write_copilot(tmp_path / "adapters", ID)

    content, seen = shelf.read(ID)
    assert (content.name, seen, shelf.shadows(ID), shelf.owns(ID)) == ("Lease", None, True, False)
    with refused("copilot_unknown"):
        shelf.delete(ID)


@pytest.mark.parametrize("name", ["../x", "legal/../../x", "legal", "general/x", "/etc/x", "legal/x/y", "legal/.x"])
def test_no_name_leads_out_of_the_folder(shelf: Shelf, tmp_path: Path, name: str) -> None:
    for act in (shelf.delete, shelf.restore, shelf.read, shelf.exported):
        with refused("copilot_refused"):
            act(name)
    with refused("copilot_refused"):
        shelf.save(name, CONTENT, seen=None)
    assert not (tmp_path / "user").exists()


@pytest.mark.parametrize("level", ["legal", ID])
def test_nothing_is_written_or_deleted_behind_a_link(shelf: Shelf, tmp_path: Path, level: str) -> None:
    outside = tmp_path / "outside"
    (outside / "lease-reader").mkdir(parents=True)
    link = tmp_path / "user" / "copilots" / level
    link.parent.mkdir(parents=True)
    link.symlink_to(outside, target_is_directory=True)

    with refused("copilot_refused"):
        shelf.save(ID, CONTENT, seen=None)
    with refused("copilot_refused"):
        shelf.delete(ID)
    assert os.listdir(outside) == ["lease-reader"]


def test_an_export_is_read_again_and_writes_nothing(shelf: Shelf, tmp_path: Path) -> None:
    shelf.save(ID, CONTENT, seen=None)
    name, exported = shelf.exported(ID)
    before = sorted(tmp_path.rglob("*"))

    assert name == "lease-reader.copilot.toml"
    assert imported(exported) == (ID, CONTENT)
    assert imported("\ufeff" + exported.replace("\n", "\r\n"))[0] == ID
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "hostile",
    [
        "", "\x00", "not toml at all", "[[[[", "a = " + "[" * 30_000, EXPORTED + 'run = "rm"\n',
        EXPORTED.replace("id = ", "norms = "), EXPORTED + "checks = [{check = 'none_such'}]\n",
        EXPORTED.replace("legal/lease-reader", "../../etc"), EXPORTED.replace("legal/lease-reader", "C:\\\\x/y"),
        EXPORTED + f'instructions = "{"x" * 70_000}"\n', EXPORTED + "name = 'twice'\n", EXPORTED + "starters = [1]\n",
        EXPORTED + "[x.y.z]\n", '{"id": "legal/x"}', EXPORTED.replace('"Lease Reader"', "{__class__ = 'x'}"),
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused(hostile: str) -> None:
    with refused("copilot_refused"):
        imported(hostile)
