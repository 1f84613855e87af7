"""All of a user's data can go, and nothing else does."""

from pathlib import Path

import pytest

from server.errors import AutostartError
from server.launcher.purge import delete, kept
from server.settings import Settings

OWN_DATA: Path = Settings.model_fields["user_dir"].default
OWN_CONFIG: Path = Settings.model_fields["config_dir"].default


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Settings whose folders are the default ones, in this test's own folder."""
    for name in ("user_dir", "config_dir"):
        monkeypatch.setattr(Settings.model_fields[name], "default", tmp_path / name / "retinue")
    chosen = Settings(user_dir=tmp_path / "user_dir" / "retinue", config_dir=tmp_path / "config_dir" / "retinue")
    for folder in (chosen.user_dir, chosen.config_dir, chosen.bases_dir):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"12345")
    return chosen


def test_each_folder_is_listed_once_with_its_size(own: Settings, tmp_path: Path) -> None:
    found = kept(own, log=tmp_path / "logs" / "server.log")

    assert [(one.folder, one.size, one.why_it_stays) for one in found] == [
        (own.user_dir, 10, ""),
        (own.config_dir, 5, ""),
    ]


def test_a_folder_that_a_setting_put_elsewhere_stays(own: Settings, tmp_path: Path) -> None:
    shared = tmp_path / "models"
    shared.mkdir()

    found = kept(own.model_copy(update={"bases_dir": shared, "config_dir": tmp_path}), log=tmp_path / "logs" / "l")

    assert {one.folder for one in found if one.why_it_stays} == {shared, tmp_path}
    assert [one.folder for one in found if not one.why_it_stays] == [own.user_dir]


def test_a_data_folder_that_is_a_link_stays_and_says_where_it_leads(own: Settings, tmp_path: Path) -> None:
    real = own.user_dir.rename(tmp_path / "real")
    own.user_dir.symlink_to(real)

    [link] = [one for one in kept(own, log=tmp_path / "logs" / "l") if one.folder == own.user_dir]

    assert (link.size, link.why_it_stays) == (0, f"it is a link to {real}")
    with pytest.raises(AutostartError) as refusal:
        delete(own.user_dir)
    assert refusal.value.code == "purge_failed"
    assert (real / "file").exists()


def test_links_out_of_the_folder_are_deleted_but_not_followed(own: Settings, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "thesis.txt").write_text("years of work")
    (own.user_dir / "bases" / "linked").symlink_to(outside)
    (own.user_dir / "thesis.txt").symlink_to(outside / "thesis.txt")

    size = kept(own, log=tmp_path / "logs" / "l")[0].size
    delete(own.user_dir)

    assert size < 10_000
    assert not own.user_dir.exists()
    assert (outside / "thesis.txt").read_text() == "years of work"


def test_a_folder_that_cannot_be_deleted_is_named(tmp_path: Path) -> None:
    with pytest.raises(AutostartError, match="run the same command again") as refusal:
        delete(tmp_path / "none")

    assert refusal.value.code == "purge_failed"
