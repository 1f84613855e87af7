"""A chosen quotation is one event, counts as the model's own words, and leaves the KV as if the model had written."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from server.engine import Opening, PageTokens, Request, Tokens
from server.engine.local import decoding
from server.engine.local.sampling import pick
from server.engine.local.vocabulary import Vocabulary
from server.text.page import read_page
from server.text.prompt import PromptLayout
from tests import tiny

from .conftest import Driver

BLOCKS = ["The pier closes at dusk in winter.", "A berth costs 210 euros a season."]


@pytest.fixture(scope="module")
def layout() -> PromptLayout:
    return PromptLayout(tiny.tokenizer())


@pytest.fixture(scope="module")
def page(layout: PromptLayout) -> PageTokens:
    prefix = layout.page(read_page(title="Pier", url="", blocks=BLOCKS, chars_max=1_000), tokens_max=700)
    return PageTokens(prefix.ids, prefix.spans)


@pytest.fixture
def mark(tiny_base: Path) -> int:
    return Vocabulary.load(tiny_base).ids_of[b'"']


@pytest.fixture
def opening(monkeypatch: pytest.MonkeyPatch, mark: int) -> None:
    """The model's second token opens a quotation; it is free before and after."""
    turns = iter([None, mark])
    monkeypatch.setattr(decoding, "pick", lambda logits, **how: next(turns, None) or pick(logits, **how))


def ask(
    page: PageTokens, layout: PromptLayout, choose: Callable[[Sequence[int]], Sequence[int] | None] | None, *,
    tokens: int = 30, turn: Sequence[int] | None = None,
) -> Request:  # fmt: skip
    return Request(
        page=page, history=(), turn=turn or layout.ask("When does it close?", instructions=""), adapter=None,
        stop_ids=frozenset(), tokens_max=tokens, timeout_s=60, choose_quote=choose,
    )  # fmt: skip


def test_the_chosen_words_follow_the_mark_and_what_follows_sees_them(
    driver: Driver, page: PageTokens, layout: PromptLayout, mark: int, opening: None
) -> None:
    chosen, heard = layout.text(f'{BLOCKS[0]}" [1]'), list[list[int]]()

    def choose(answer: Sequence[int]) -> list[int]:
        heard.append(list(answer))
        return chosen

    driver.open(page)
    ((ids, end),) = driver.ask(ask(page, layout, choose))

    assert heard == [ids[:2]]
    assert ids[1 : 2 + len(chosen)] == [mark, *chosen]
    assert end.answer_tokens == len(ids) == 30
    written = 2 + len(chosen)
    plain = ask(
        page, layout, None, turn=[*layout.ask("When does it close?", instructions=""), *ids[:written]], tokens=2
    )
    ((again, _),) = driver.ask(dataclasses.replace(plain, constrain_quotes=False))
    assert again[0] == ids[written]  # the KV is that of the whole answer


def test_it_comes_in_one_piece(
    driver: Driver, page: PageTokens, layout: PromptLayout, mark: int, opening: None
) -> None:
    chosen = layout.text(f'{BLOCKS[1]}" [2]')
    pieces: list[tuple[int, ...]] = []

    async def follow() -> None:
        async for event in driver.engine.generate(ask(page, layout, lambda answer: chosen)):
            if isinstance(event, Tokens):
                pieces.append(event.ids)

    driver.loop.run_until_complete(follow())

    assert pieces[2] == tuple(chosen)
    assert all(len(piece) == 1 for piece in pieces[:2] + pieces[3:])


def test_without_a_unit_the_token_guard_holds_the_quotation_to_the_page(
    driver: Driver, page: PageTokens, layout: PromptLayout, mark: int, opening: None, tiny_base: Path
) -> None:
    ((ids, _),) = driver.ask(ask(page, layout, lambda answer: None, tokens=8))

    quoted = b"".join(Vocabulary.load(tiny_base).bytes_of[token] for token in ids[2:]).split(b'"')[0]
    assert quoted
    assert any(quoted.strip() in block.encode() for block in BLOCKS)


def test_what_does_not_fit_into_the_answer_is_not_begun(
    driver: Driver, page: PageTokens, layout: PromptLayout, mark: int, opening: None
) -> None:
    chosen = layout.text(f'{BLOCKS[0]}" [1]')
    ((ids, end),) = driver.ask(ask(page, layout, lambda answer: chosen, tokens=2 + len(chosen) // 2))

    assert end.reason == "length"
    assert ids[2:] != chosen[: len(ids) - 2]


def test_a_chooser_that_fails_ends_its_own_answer_only(
    driver: Driver, page: PageTokens, layout: PromptLayout, mark: int, opening: None
) -> None:
    def broken(answer: Sequence[int]) -> list[int]:
        raise ValueError("no")

    with pytest.raises(Exception, match="failed"):
        driver.ask(ask(page, layout, broken))
    ((ids, _),) = driver.ask(ask(page, layout, None, tokens=3))
    assert len(ids) == 3


@pytest.mark.parametrize(("least", "kept"), [(1e-9, True), (0.999_999, False)])
def test_an_answer_begins_so_only_when_the_model_is_sure(
    driver: Driver, page: PageTokens, layout: PromptLayout, least: float, kept: bool
) -> None:
    plain = dataclasses.replace(ask(page, layout, None, tokens=3), constrain_quotes=False)
    ((wanted, _),) = driver.ask(plain)
    ((ids, _),) = driver.ask(dataclasses.replace(plain, unless_sure=Opening(tuple(wanted[:2]), least)))

    assert ids[0] == wanted[0]
    assert (ids == wanted) is kept
