"""Code that parses and references whose fields stand on the page."""

import pytest

from tests.server.text.checks.judging import judged, page_of, spec

PAGE = page_of("Deep rivers of the north. Anna Berg and Li Wei. Journal of Water, 2021.")
ENTRY = "@article{berg,\n title = {Deep {Rivers} of the North},\n author = {Berg, Anna and Wei, Li},\n year = 2021\n}"


def fenced(language: str, code: str) -> str:
    return f"So:\n```{language}\n{code}\n```\n"


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        (fenced("python", "def f(x):\n    return x + 1"), True),
        (fenced("json", '{"a": [1, 2]}'), True),
        (fenced("toml", 'a = "b"'), True),
        (fenced("bash", "ls |"), True),
        (fenced("python", 'x = "\\d"'), True),
        ("No code, a `span` only.", True),
        (fenced("python", "def f(:"), False),
        (fenced("py", "x = = 1"), False),
        (fenced("json", "{'a': 1}"), False),
        (fenced("toml", "a ="), False),
        (fenced("", "x = 1"), False),
        ("```python\nx = 1", False),
        (fenced("json", "[" * 5_000 + "]" * 5_000), False),
        (fenced("python", "(" * 150 + ")" * 150), False),
        (fenced("python", "x = 1\n" * 10_000), False),
        (fenced("json", "1" * 9_000), False),
        (fenced("python", "x = '\0'"), False),
        ("The page does not say.", True),
    ],
)
def test_code_parses(answer: str, passed: bool) -> None:
    assert judged("code_parses", answer, PAGE).passed is passed


@pytest.mark.parametrize("nest", ["-", "not ", "lambda:", "a.", "a if b else ", "1+", "f'{", "*", "await ", "x:", "`"])
def test_no_code_brings_the_parser_down(nest: str) -> None:
    code = nest * (18_000 // len(nest)) + "1"

    assert judged("code_parses", fenced("python", code), PAGE).note


def test_nothing_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert judged("code_parses", fenced("python", "print(1)\nimport os\nos._exit(3)"), PAGE).passed
    assert capsys.readouterr().out == ""


def test_a_copilot_may_allow_some_languages_only() -> None:
    only = spec("code_parses", languages=["json"])

    assert judged(only, fenced("json", "1"), PAGE).passed
    assert not judged(only, fenced("python", "1"), PAGE).passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        (ENTRY, True),
        ("@misc{x, title = {Deep rivers}}", True),
        ("@misc{x, year = 2021}", False),
        ("@misc{x, title = {Shallow rivers}}", False),
        ("@misc{x, title = {Deep rivers}", False),
        ("@misc{x, title = {Deep rivers}, author = {Berg, Bob}}", False),
        ("Berg, A. (2021). Deep rivers.", False),
        ("The page does not say.", True),
    ],
)
def test_bibtex_valid(answer: str, passed: bool) -> None:
    assert judged("bibtex_valid", answer, PAGE, "Make a BibTeX entry").passed is passed


def test_an_entry_is_needed_only_where_it_is_asked_for() -> None:
    assert judged("bibtex_valid", "Berg, A. (2021). Deep rivers.", PAGE, "Make an APA reference").passed
    assert not judged(spec("bibtex_valid", required=["title", "doi"]), ENTRY, PAGE).passed
