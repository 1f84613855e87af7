"""Corrections on the disk: kept, changed, deleted, bounded, damaged, and read as lines for the training program."""

import json
import stat
from pathlib import Path

import pytest

from server.catalog.teaching.corrections import CorrectedPage, Correction, Corrections
from server.errors import LimitExceeded, TeachError

PAGE = CorrectedPage(title="Lease", address="https://a.example/lease", blocks=["Lease", "The term is two years."])
COPILOT = "legal/lease"


def keep(store: Corrections, question: str = "How long?", page: CorrectedPage = PAGE) -> Correction:
    return store.add(COPILOT, page, question=question, answer="One year.", corrected='"two years" [2]')


def files(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*.json"))


def test_a_correction_and_its_page_are_kept_for_this_user_alone(tmp_path: Path) -> None:
    store = Corrections(tmp_path)
    assert store.of(COPILOT) == []
    assert not store.any(COPILOT)
    assert list(tmp_path.iterdir()) == []
    made = keep(store)

    again = Corrections(tmp_path)
    assert again.of(COPILOT) == [made]
    assert again.page_of(made) == PAGE
    assert again.any(COPILOT)
    assert again.of("legal/other") == []
    assert stat.S_IMODE((tmp_path / "teaching").stat().st_mode) == 0o700
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in tmp_path.rglob("*.json"))


def test_the_same_question_on_the_same_page_is_replaced_and_a_page_is_kept_once(tmp_path: Path) -> None:
    clock = iter(range(1, 9))
    store = Corrections(tmp_path, now_s=lambda: next(clock))
    first, other, second = keep(store), keep(store, "Where?"), keep(store)

    assert (second.id, second.made_ms, second.changed_ms) == (first.id, 1_000, 3_000)
    assert [one.id for one in store.of(COPILOT)] == [other.id, first.id]
    assert len(list((tmp_path / "teaching" / "pages").iterdir())) == 1


def test_the_page_goes_with_its_last_correction(tmp_path: Path) -> None:
    store = Corrections(tmp_path)
    first, second = keep(store), keep(store, "Where?")
    store.remove(COPILOT, first.id)
    assert len(files(tmp_path / "teaching" / "pages")) == 1
    store.remove(COPILOT, second.id)
    assert files(tmp_path) == []
    for act in (lambda: store.remove(COPILOT, first.id), lambda: store.change(COPILOT, first.id, corrected="x")):
        with pytest.raises(TeachError) as gone:
            act()
        assert gone.value.code == "correction_unknown"


def test_what_is_too_many_or_too_large_is_refused_and_replacing_is_not(tmp_path: Path) -> None:
    full = Corrections(tmp_path / "a", most=1)
    keep(full)
    keep(full)
    with pytest.raises(LimitExceeded, match="Delete some"):
        keep(full, "Where?")
    with pytest.raises(LimitExceeded):
        keep(Corrections(tmp_path / "b", bytes_max=20))


def test_a_damaged_file_hides_no_other(tmp_path: Path) -> None:
    store = Corrections(tmp_path)
    made, damaged, alien = keep(store), keep(store, "Where?"), keep(store, "When?")
    folder = tmp_path / "teaching" / "corrections" / COPILOT
    (folder / f"{damaged.id}.json").write_text("{")
    (folder / f"{alien.id}.json").write_text(alien.model_copy(update={"copilot": "legal/other"}).model_dump_json())
    assert store.of(COPILOT) == [made]
    with pytest.raises(TeachError):
        store.get(COPILOT, alien.id)


def test_a_full_disk_is_said_and_nothing_half_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("server.catalog.teaching.corrections.replace_file", full)
    with pytest.raises(TeachError, match="No space left"):
        keep(Corrections(tmp_path))
    assert files(tmp_path) == []


def test_the_training_program_gets_lines_with_the_page(tmp_path: Path) -> None:
    store = Corrections(tmp_path)
    made, lost = keep(store), keep(store, "Where?", PAGE.model_copy(update={"title": "Other"}))
    (tmp_path / "teaching" / "pages" / f"{lost.page}.json").unlink()
    [line] = store.lines(COPILOT)
    assert json.loads(line) == {
        "id": made.id, "changed_ms": made.changed_ms, "copilot": COPILOT, "question": "How long?",
        "answer": "One year.", "corrected": '"two years" [2]',
        "page": {"title": "Lease", "url": "https://a.example/lease", "blocks": PAGE.blocks},
    }  # fmt: skip
