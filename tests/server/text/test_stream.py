"""Text increments, quotes as soon as they are certain, the stop rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.text.grounding import quotations
from server.text.page import read_page
from server.text.stream import QuoteStream, TextStream, goes_in_circles, utf16_len
from tests.server.fakes import decode

PAGE = read_page(title="", url="", blocks=["Lease", "The term is two years.", "Two years, no more."], chars_max=1000)


def test_a_character_of_four_bytes_comes_whole() -> None:
    stream = TextStream(decode)
    pieces = [stream.push([byte]) for byte in "a😀b".encode()]

    assert pieces == ["a", "", "", "", "😀", "b"]


def test_bytes_that_never_become_a_character_are_left_out_at_the_end() -> None:
    stream = TextStream(decode)
    text = stream.push(list(b"ok" + "😀".encode()[:2]))

    assert text + stream.finish() == "ok"


@given(st.text(), st.integers(1, 7))
def test_any_text_in_any_pieces_comes_out_unchanged(text: str, size: int) -> None:
    stream, ids = TextStream(decode), list(text.replace("\ufffd", "").encode("utf-8", errors="ignore"))
    pieces = [stream.push(ids[at : at + size]) for at in range(0, len(ids), size)]

    assert "".join(pieces) + stream.finish() == bytes(ids).decode()


@given(st.lists(st.integers(0, 255)))
def test_random_bytes_never_stop_the_stream(ids: list[int]) -> None:
    stream = TextStream(decode)
    text = "".join(stream.push([token]) for token in ids) + stream.finish()

    assert text.rstrip("\ufffd") == decode(ids).rstrip("\ufffd") or "\ufffd" in text


def test_a_quote_waits_for_its_citation() -> None:
    stream, answer = QuoteStream(PAGE), 'It says "two years" [2].'
    found = {}
    for end in range(len(answer) + 1):
        for quote in stream.push(answer[:end]):
            found[answer[:end]] = quote

    assert list(found) == ['It says "two years" [2]']
    quote = found['It says "two years" [2]']
    assert (quote.at, quote.block, quote.verified) == (8, 2, True)


def test_a_quote_without_citation_comes_with_the_next_word() -> None:
    stream = QuoteStream(PAGE)

    assert not stream.push('"two years"')
    assert not stream.push('"two years" ')
    assert [quote.text for quote in stream.push('"two years" i')] == ["two years"]


def test_a_quote_at_the_end_comes_when_the_answer_is_finished() -> None:
    stream = QuoteStream(PAGE)

    assert not stream.push('"two years" [2')
    assert [quote.cited for quote in stream.push('"two years" [2', finished=True)] == [None]


_words = st.lists(
    st.sampled_from(
        ['"', '""', "two years", " ", "[2]", " [3]", "[99999", "]", ".", "\n", "Lease", "x", "😀", " [2] "]
    ),
    max_size=40,
)


@given(_words)
def test_quotes_in_a_stream_are_those_of_the_finished_answer(words: list[str]) -> None:
    stream, answer, found = QuoteStream(PAGE), "", []
    for word in words:
        answer += word
        found += stream.push(answer)
    found += stream.push(answer, finished=True)

    assert found == quotations(answer, PAGE)


@pytest.mark.parametrize(
    ("answer", "circles"),
    [
        ("- A line\n" * 3, True),
        ("- A line\n" * 2, False),
        ("no no " * 40, True),
        ("no no " * 39, False),
        ("".join(f"{n}. Every line is new.\n" for n in range(200)), False),
        ("", False),
    ],
)
def test_an_answer_that_repeats_itself_is_stopped(answer: str, circles: bool) -> None:
    assert goes_in_circles(answer) is circles


def test_lengths_are_counted_as_browsers_do() -> None:
    assert utf16_len("a😀é") == 4
