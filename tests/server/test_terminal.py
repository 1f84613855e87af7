"""Texts that would act on a terminal."""

import io
import json
import re
import unicodedata
from pathlib import Path

import pytest

from server.terminal import cell, plain, plain_json, say, terminal

ROOT = Path(__file__).parents[2]
ESCAPES = "a\x1b[2J\x1b]0;title\x07\x9b31m\x08\rb"
BIDI = "\u202eevil\u2066\u200b\u061c\U000e0041x"


@pytest.mark.parametrize(("text", "shown"), [
    (ESCAPES, "a[2J]0;title31mb"), (BIDI, "evilx"), ("tab\tand\nline", "tab\tand\nline"),
    ("naïve 語 🙂", "naïve 語 🙂"),
    ("one\u2028two", "one\ntwo"), ("\ud800", ""), ("", ""),
])  # fmt: skip
def test_only_what_is_to_be_read_is_left(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_on_one_line() -> None:
    assert plain("a\n\n b\x1b\u2029c", lines=False) == "a b c"


def test_json_has_the_same_values_in_harmless_characters() -> None:
    content = {"text": ESCAPES + BIDI + "naïve 🙂 \ue000"}
    written = plain_json(content)

    assert json.loads(written) == content
    assert plain(written) == written
    assert "naïve 🙂" in written


def test_markup_is_shown_as_it_was_written() -> None:
    out = io.StringIO()
    say("[red]bold[/red] :smile: [link=file:///etc]x[/link] [/]", console=terminal(out))

    assert out.getvalue() == "[red]bold[/red] :smile: [link=file:///etc]x[/link] [/]\n"
    assert str(cell("[b]x[/b]\x1b")) == "[b]x[/b]"


def test_every_character_that_is_no_text_is_dropped() -> None:
    everything = "".join(map(chr, range(0x11_0000)))
    left = plain(everything)

    assert {unicodedata.category(char) for char in left} <= {
        "Ll", "Lu", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
        "Sm", "Sc", "Sk", "So", "Zs", "Cc",
    }  # fmt: skip
    assert {char for char in left if unicodedata.category(char) == "Cc"} == {"\n", "\t"}


@pytest.mark.parametrize("file", sorted((ROOT / "server").rglob("*.py")), ids=lambda file: str(file.relative_to(ROOT)))
def test_no_text_of_ours_has_markup_which_the_terminal_would_show_as_it_is(file: Path) -> None:
    assert not re.search(r"\[(/|/?(bold|dim|italic|red|green|yellow|cyan)[a-z ]*)\]", file.read_text(encoding="utf-8"))
