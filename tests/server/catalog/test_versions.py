from pathlib import Path

import pytest

from server.catalog.versions import kept, put_in_use, restore, writing
from server.errors import CopilotError


def put(folder: Path, content: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights").write_text(content)
    return folder


def read(folder: Path) -> str:
    return (folder / "weights").read_text()


def test_an_earlier_version_comes_back_and_a_second_time_undoes_it(tmp_path: Path) -> None:
    adapter = put(tmp_path / "review" / "tiny", "one")
    with writing(adapter) as made:
        put_in_use(put(made, "two"), adapter)
    assert read(adapter) == "two"
    assert [read(version) for version in kept(adapter)] == ["one"]
    restore(adapter)
    assert read(adapter) == "one"
    restore(adapter)
    assert read(adapter) == "two"
    assert [read(version) for version in kept(adapter)] == ["one"]


def test_the_only_version_is_put_away_so_that_the_one_that_ships_acts(tmp_path: Path) -> None:
    adapter = put(tmp_path / "review" / "tiny", "one")
    assert restore(adapter) is None
    assert not adapter.exists()
    assert restore(adapter) is not None
    assert read(adapter) == "one"


def test_without_any_version_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(CopilotError) as refused:
        restore(tmp_path / "tiny")
    assert refused.value.code == "copilot_no_version"
