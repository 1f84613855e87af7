"""Whatever the model prefers, a quotation stands on the page and its citation names the block."""

import random
from pathlib import Path

import pytest

from server.engine import PageTokens
from server.engine.local.quoting import PageIndex, QuoteGuard
from server.engine.local.vocabulary import Vocabulary
from server.text.grounding import quotations
from server.text.page import Page, read_page
from server.text.prompt import PromptLayout
from tests import tiny

BLOCKS = [
    "The agreement shall renew for one year unless a party gives 60 days’ notice.",
    'Fees: "Net 30" from the invoice date; late fees are 1.5 % a month.',
    "Either party may terminate for a material breach (30 days to cure).\nNaïve café rule № 5 applies.",
]


@pytest.fixture(scope="module")
def vocabulary(tiny_base: Path) -> Vocabulary:
    return Vocabulary.load(tiny_base)


@pytest.fixture(scope="module")
def layout() -> PromptLayout:
    return PromptLayout(tiny.tokenizer())


@pytest.fixture(scope="module")
def page() -> Page:
    return read_page(title="Contract", url="", blocks=BLOCKS, chars_max=10_000)


@pytest.fixture(scope="module")
def index(page: Page, layout: PromptLayout, vocabulary: Vocabulary) -> PageIndex:
    prefix = layout.page(page, tokens_max=900)
    return PageIndex.build(PageTokens(prefix.ids, prefix.spans), vocabulary)


def test_the_index_holds_the_text_of_the_blocks(index: PageIndex, page: Page) -> None:
    assert {n: text.decode() for n, text in index.blocks.items()} == {block.n: block.text for block in page.blocks}


@pytest.mark.parametrize("seed", range(60))
def test_a_model_that_picks_at_random_can_only_quote_the_page(
    index: PageIndex, page: Page, vocabulary: Vocabulary, seed: int
) -> None:
    dice, guard = random.Random(seed), QuoteGuard(index, vocabulary)
    answer, opened = bytearray(b"It says "), False
    for step in range(150):
        allowed = guard.allowed()
        if allowed is None:
            text = b'"' if not opened else b" ["
            token, opened = vocabulary.ids_of[text], True
            if b"]" in answer.rpartition(b'"')[2]:
                break
        else:
            choices = sorted(allowed)
            assert choices, f"nothing is allowed after {bytes(answer)!r} at step {step}"
            token = dice.choice(choices)
        guard.accept(token)
        answer += vocabulary.bytes_of[token]

    [quote] = quotations(answer.decode(), page)

    assert quote.verified, answer.decode()
    assert quote.cited == quote.block


def test_tokens_that_would_slip_past_the_guard_are_banned(vocabulary: Vocabulary) -> None:
    assert all(
        (text.count(b'"') <= 1 and (b'"' not in text or text.endswith(b'"'))) or token in vocabulary.unguarded
        for token, text in enumerate(vocabulary.bytes_of)
    )


def test_a_citation_may_end_in_a_token_that_goes_on(index: PageIndex, vocabulary: Vocabulary) -> None:
    guard = QuoteGuard(index, vocabulary)
    guard.accept(vocabulary.ids_of[b'"'])
    at = 0
    while vocabulary.ids_of[b'"'] not in (allowed := guard.allowed() or ()):
        token = next(t for t in allowed if index.blocks[1].startswith(vocabulary.bytes_of[t], at))
        guard.accept(token)
        at += len(vocabulary.bytes_of[token])
    for text in (b'"', b" [", b"1"):
        guard.accept(vocabulary.ids_of[text])
    assert vocabulary.ids_of[b"],"] in (guard.allowed() or [])
    assert not any(b"[" in vocabulary.bytes_of[token] for token in guard.allowed() or [])
    guard.accept(vocabulary.ids_of[b"],"])

    assert guard.allowed() is None


def test_text_outside_quotations_is_free(index: PageIndex, vocabulary: Vocabulary) -> None:
    guard = QuoteGuard(index, vocabulary)
    for token in (vocabulary.ids_of[b" the"], vocabulary.ids_of[b" ["]):
        guard.accept(token)

    assert guard.allowed() is None


def test_a_quotation_never_runs_over_a_block_border(index: PageIndex, vocabulary: Vocabulary) -> None:
    guard = QuoteGuard(index, vocabulary)
    guard.accept(vocabulary.ids_of[b'"'])
    first = index.blocks[1]
    at = 0
    while at < len(first):
        allowed = [t for t in guard.allowed() or () if first.startswith(vocabulary.bytes_of[t], at)]
        token = max(allowed, key=lambda t: len(vocabulary.bytes_of[t]))
        guard.accept(token)
        at += len(vocabulary.bytes_of[token])

    assert {vocabulary.bytes_of[t] for t in guard.allowed() or ()} <= {b'"'}


def test_the_vocabulary_spells_every_token_as_its_tokenizer_does(vocabulary: Vocabulary) -> None:
    ids = tiny.tokenizer()("Fees of 1.5 % — naïve “café”, 60 days’ notice.")["input_ids"]

    assert b"".join(vocabulary.bytes_of[t] for t in ids).decode() == "Fees of 1.5 % — naïve “café”, 60 days’ notice."
