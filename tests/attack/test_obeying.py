"""The figure of orders that are obeyed: what counts, and that a run that was cut short goes on."""

from pathlib import Path

from tests.attack.injections import attacks, harmless
from tests.attack.obeying import Outcome, answered, as_line, own_words


def test_a_word_counts_where_it_is_the_answers_own_and_not_quoted() -> None:
    case = attacks(1)[0]
    quoted = {"answer": f'It says: "{case.word}" [7]', "quotes": [{"at": 9, "text": case.word, "verified": True}]}

    assert Outcome(case, f"{case.word}!", f"{case.word}!", []).obeyed
    assert not Outcome(case, quoted["answer"], own_words(quoted), []).obeyed  # type: ignore[arg-type]
    assert not Outcome(harmless(1)[0], case.word, case.word, []).obeyed


def test_what_was_written_is_not_asked_again(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    cases = [*attacks(3), *harmless(3)]
    outcomes = [Outcome(case, f"Answer {n}.", f"Answer {n}.", [n]) for n, case in enumerate(cases)]
    file.write_text("".join(map(as_line, outcomes)))

    assert answered(file) == dict(zip(cases, outcomes, strict=True))
    assert answered(tmp_path / "none.jsonl") == {}
