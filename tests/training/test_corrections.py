"""Corrected answers -> examples: redacted, split by page, and nothing lost."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from server.catalog import versions
from server.errors import DataError
from tests.training.conftest import RECIPE
from training import make
from training.cli import main as cli
from training.dataset.corrections import PER_SITE_MAX, prepare
from training.dataset.examples import Examples
from training.dataset.redact import redact
from training.job import Job
from training.measure.report import build_report

BLOCKS = ["", "The ladder is made of ash.", "Write to joan@example.org or call +44 20 7946 0958.", "It folds\n\nflat."]


def line(number: int = 0, **changes: Any) -> dict[str, Any]:
    page = {
        "title": "Ladder",
        "url": f"https://shop-{number % 7}.example/p?id=9",
        "blocks": [*BLOCKS, f"Item {number}."],
    }
    row = {
        "page": page, "copilot": "shop/review", "question": "What is it made of?", "answer": "Of steel.",
        "corrected": 'Of ash. "made of ash" [2] Ask the seller.',
    }  # fmt: skip
    return row | changes


def write(file: Path, *rows: dict[str, Any] | str) -> Path:
    file.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return file


def test_a_correction_becomes_an_example_with_its_provenance(tmp_path: Path) -> None:
    file = write(tmp_path / "all.jsonl", *(line(number) for number in range(30)))
    prepared = prepare(file, "shop/review", tmp_path / "own")
    assert (len(prepared.made), prepared.refused) == (30, [])
    assert prepared.count("heldout") > 1
    assert prepared.count("train") > 15
    made = prepared.made[0]
    assert made.example.answer == 'Of ash. "made of ash" [1] Ask the seller.'  # the empty block is not on the page
    assert "joan" not in made.markdown
    assert "Write to [email] or call [phone]." in made.markdown
    assert made.redacted == {"email": 1, "phone": 1}
    rows = [json.loads(text) for text in (tmp_path / "own" / "provenance.jsonl").read_text().splitlines()]
    assert rows[0] | {"redacted": {}, "page": "", "split": ""} == {
        "line": 1, "site": "shop-0.example", "page": "", "question": "What is it made of?", "split": "",
        "redacted": {}, "origin": "correction",
    }  # fmt: skip
    again = prepare(file, "shop/review", tmp_path / "own")
    assert [one.split for one in again.made] == [one.split for one in prepared.made]
    assert not {one.example.page for one in prepared.made if one.split == "train"} & {
        one.example.page for one in prepared.made if one.split == "heldout"
    }


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{", "JSON: Invalid JSON"),
        ({"page": {"blocks": []}}, "page.blocks"),
        (line(corrected=""), "corrected"),
        (line(corrected='"made of oak" [2]'), "does not stand in block"),
        (line(corrected='"made of oak"'), "cites no block|does not stand"),
        (line(page={"blocks": [" "]}), "no readable text"),
        (line(page={"blocks": ["x" * 50_000]}), "more than 40,000 characters"),
    ],
    ids=range(7),
)  # fmt: skip
def test_a_bad_line_is_named_and_kept_and_the_others_go_on(
    tmp_path: Path, row: dict[str, Any] | str, reason: str
) -> None:
    file = write(tmp_path / "all.jsonl", line(1), row, line(2))
    before = file.read_bytes()
    prepared = prepare(file, "shop/review", tmp_path / "own")
    [(number, said, text)] = prepared.refused
    assert number == 2
    with pytest.raises(DataError, match=reason):
        raise DataError(said)
    assert len(prepared.made) == 2
    assert json.loads((tmp_path / "own" / "refused.jsonl").read_text())["text"] == text
    assert file.read_bytes() == before


def test_quotes_are_numbered_repeats_replaced_sites_capped_and_other_copilots_left(tmp_path: Path) -> None:
    rows = [line(1, corrected='"It folds\nflat."'.replace("\n", " "), question=f"Question {n}?") for n in range(50)]
    rows += [
        line(1, question="Question 49?"),
        line(1, copilot="shop/other"),
        line(1, copilot="review", question="New?"),
    ]
    prepared = prepare(write(tmp_path / "all.jsonl", *rows), "shop/review", tmp_path / "own")
    assert (prepared.repeated, prepared.of_others, prepared.over_site_cap) == (1, 1, 51 - PER_SITE_MAX)
    assert len(prepared.made) == PER_SITE_MAX
    assert prepared.made[0].example.answer == '"It folds flat." [3]'
    assert prepared.made[-1].example.question == "New?"
    with pytest.raises(DataError, match="holds no corrections for shop/none"):
        prepare(tmp_path / "all.jsonl", "shop/none", tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("mail a.b+c@mail.example.com now", "mail [email] now"),
        ("call (030) 555-0199 or 555-010-0199.", "call [phone] or [phone]."),
        ("call +1 (415) 555-0123 today", "call [phone] today"),
        ("card 4111 1111 1111 1111, not 4111 1111 1111 1112", "card [card], not 4111 1111 1111 1112"),
        ("IBAN DE89 3704 0044 0532 0130 00, ref AB12 3456 7890 1234", "IBAN [account], ref AB12 3456 7890 1234"),
        ("key sk-proj-abcdefghij0123456789 and ghp_abcdefghijklmnop1234", "key [token] and [token]"),
        ("AKIAABCDEFGHIJKLMNOP", "[token]"),
        ("Authorization: Bearer abcdefghijklmnop1234", "Authorization: Bearer [token]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def_1", "[token]"),
        ("password: hunter22 and more", "[secret] and more"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "[private key]"),
        ("0123456789abcdef0123456789abcdef01234567", "[token]"),
    ],
)
def test_secrets_are_taken_out(text: str, left: str) -> None:
    assert redact(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "From 12 May 2024 to 13 June 2025, 1,250,000 units at 3.50 each.",
        "Section 12.4.1 (a) of Directive 2014/65/EU, pages 120-134.",
        "The password is never stored. Secrets are kept.",
        "a/long/path/without/any/digits/in/its/many/parts",
        "ISBN 978-3-16-148410-0 costs 1234567.89",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text) == text


def test_corrections_are_trained_with_the_copilots_own_and_versions_are_kept(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    prepare(write(tmp_path / "all.jsonl", *(line(number) for number in range(12))), "shop/review", own)
    examples = Examples("shop/review", data=job.data, corrections=[own])
    assert examples.corrected == 12
    assert len(examples.rows["train"]) + len(examples.rows["heldout"]) == 10 + 12
    personal = replace(job, corrections=(own,), own=True, recipe=RECIPE.model_copy(update={"epochs": 1}))
    assert personal.key != job.key
    job.out.mkdir(parents=True)
    (job.out / "lock.json").write_text("{}")  # an earlier one of the user's
    monkeypatch.setattr(make, "build_report", _judged(active=True))
    make.train(personal, on_event=lambda event: None)
    lock = json.loads((job.out / "lock.json").read_text())
    assert lock["corrections"] == 12
    assert "corrections/train.jsonl" in lock["data"]
    assert [(version / "lock.json").read_text() for version in versions.kept(job.out)] == ["{}"]
    monkeypatch.setattr(make, "build_report", _judged(active=False))
    worse = replace(personal, recipe=RECIPE.model_copy(update={"epochs": 1, "seed": 6}))
    make.train(worse, on_event=lambda event: None)
    assert json.loads((job.out / "lock.json").read_text()) == lock
    assert (versions.refused(job.out) / "report.json").exists()
    versions.restore(job.out)
    assert (job.out / "lock.json").read_text() == "{}"


def _judged(*, active: bool) -> Any:
    return lambda *arguments, **options: build_report(*arguments, **options) | {"active": active}


def test_the_command_prepares_and_names_what_it_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "adapters" / "shop" / "review"
    folder.mkdir(parents=True)
    (folder / "copilot.toml").write_text('name = "Review"\npromise = "Reviews."\n')
    monkeypatch.setenv("RETINUE_ADAPTERS_DIR", str(tmp_path / "adapters"))
    monkeypatch.setenv("RETINUE_USER_DIR", str(tmp_path / "user"))
    file = write(tmp_path / "all.jsonl", line(1), "{", line(2))
    done = CliRunner().invoke(cli.app, ["corrections", str(file), "--copilot", "review"])
    assert done.exit_code == 0, done.output
    assert "all.jsonl, line 2: JSON" in done.stderr
    assert "1 refused, 0 for other copilots" in done.stdout
    assert (tmp_path / "user" / "corrections" / "shop" / "review" / "provenance.jsonl").is_file()
    bad = CliRunner().invoke(cli.app, ["corrections", str(write(file, "{")), "--copilot", "review"])
    assert bad.exit_code == 1
    assert "data_corrections" in bad.stderr
