"""Rows of the base model's pretraining: every answer stands on the page, every question sees the page alone."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import PreTrainedTokenizerBase, Qwen3ForCausalLM

from server.errors import DataError
from server.grounding import citations, quotations
from server.page import Page
from server.prompt import PromptLayout
from training.base.attention import FLEX, _block_mask, chunked, mask
from training.base.batches import Batch, blank, pack, packed, pad
from training.base.corpus import Document, Question, split_blocks
from training.base.make import make_base, pretrain
from training.base.norms import NUMBER, SAID, Norms
from training.base.places import PlaceHeads
from training.base.prepare import make_rows
from training.base.presets import preset
from training.base.pretrain import batch_loss, new_model
from training.base.rows import ANSWER, PAGE, Row, Rows, collect, render
from training.base.tasks import ABSTAIN, Conversation, Entry, TaskMaker

TEXT = (
    "# Kettles\n\nThe kettle was patented in London. It boils a litre in three minutes, and the steel body keeps warm "
    "for an hour.\n\n## Care\n\nDescale the heating element every month with vinegar or citric acid. Never immerse the "
    "electric base in water, because the contacts corrode.\n\nThe warranty covers the thermostat for two years."
)


def document() -> Document:
    title, blocks = split_blocks(TEXT)
    return Document("test", title, blocks, [Question("quote", "How long is the warranty?", "two years")])


def page_of(maker: TaskMaker) -> Page:
    page = maker.page(document(), chars=2_000)
    assert page is not None
    return page


def made(maker: TaskMaker, count: int) -> list[Conversation | Entry]:
    return list(itertools.islice(maker.branches(page_of(maker), document().questions), count))


def seen(model: Qwen3ForCausalLM, batch: Batch) -> torch.Tensor:
    """Last hidden states, [lines, tokens, channels]."""
    out = model.model(input_ids=batch.ids, attention_mask=mask(model, batch), position_ids=batch.positions)
    states: torch.Tensor = out.last_hidden_state
    return states


@pytest.fixture(scope="module")
def model(layout: PromptLayout) -> Qwen3ForCausalLM:
    torch.manual_seed(0)
    return new_model(preset("tiny"), vocabulary=8192).eval()


def test_every_quote_of_a_made_turn_stands_in_the_block_that_it_cites() -> None:
    maker = TaskMaker(3)
    page = page_of(maker)
    asked = [branch for branch in made(maker, 200) if isinstance(branch, Conversation)]
    quotes = [quote for branch in asked for turn in branch.turns for quote in quotations(turn.answer, page)]
    assert len(quotes) > 80
    assert all(quote.verified and quote.cited == quote.block for quote in quotes)
    assert any(len(branch.turns) == 2 for branch in asked)


def test_an_entry_names_the_one_place_of_its_word() -> None:
    maker = TaskMaker(4, entry_share=1.0)
    page = page_of(maker)
    blocks = {block.n: block.text for block in page.blocks}
    numbers = 0
    for entry in itertools.islice(maker.branches(page, ()), 100):
        assert isinstance(entry, Entry)
        first = entry.word.split(" and ")[0].split(" ")[0].lower()
        if entry.answer.startswith('"'):
            assert any(entry.answer[1:] in text for text in blocks.values())
        else:
            numbers += 1
            assert first in blocks[citations(entry.answer)[0]].lower()
    assert 20 < numbers < 80


def test_the_corpus_s_questions_are_entries_too() -> None:
    asked = "How long is the warranty?"
    mine = [entry.answer for entry in made(TaskMaker(4, entry_share=1.0), 200) if entry.word == asked]  # type: ignore[union-attr]
    assert 60 < len(mine) < 140
    assert set(mine) == {"[4]", '"two years'}


def test_what_norms_ask_for_is_done() -> None:
    norms = Norms("Shop: be brief. End with: Ask the seller.", SAID, "In short:", "Ask the seller.")
    assert norms.applied(ABSTAIN) == "In short: The page does not say.\nAsk the seller."
    assert Norms().applied(ABSTAIN) == ABSTAIN
    followed = 0
    for branch in made(TaskMaker(6), 300):
        assert isinstance(branch, Conversation)
        answer = branch.turns[-1].answer
        if " End with: " in branch.norms:
            followed += 1
            assert answer.endswith(branch.norms.partition(" End with: ")[2])
        if any(rule in branch.norms for rule in ("block only", "nothing else")) and ABSTAIN not in answer:
            assert '"' not in answer
            assert citations(answer)
    assert followed > 20
    assert NUMBER != SAID


def test_an_answer_that_stands_twice_is_quoted_where_the_question_s_words_are() -> None:
    blocks = (
        "The lamp costs two euros.",
        "It was made in London by a small workshop that mends lamps as well.",
        "The guarantee of the lamp lasts for two years.",
    )
    maker = TaskMaker(1)
    page = maker.page(Document("test", "Lamp", blocks), chars=2_000)
    assert page is not None
    asked = Question("answer", "How many years does the guarantee last?", "two")
    assert maker.turns(page, [asked], made=0)[0].answer == f'two. "{blocks[2]}" [3]'


def test_the_same_seed_makes_the_same_branches() -> None:
    assert made(TaskMaker(5, entry_share=0.3), 40) == made(TaskMaker(5, entry_share=0.3), 40)


def test_a_row_marks_page_and_answer_tokens(layout: PromptLayout) -> None:
    maker = TaskMaker(3)
    page, branches = page_of(maker), [b for b in made(maker, 3) if isinstance(b, Conversation)]
    row = render(layout, page, branches, room=1_000)
    assert row is not None
    assert len(row.ids) == len(row.kinds) == len(row.branches)
    answers = [token for token, kind in zip(row.ids, row.kinds, strict=True) if kind == ANSWER]
    turns = [turn for branch in branches for turn in branch.turns]
    assert answers == [token for turn in turns for token in (*layout.text(turn.answer), layout.stop_id)]
    spans = layout.page(page, tokens_max=960).spans
    assert row.kinds.count(PAGE) == sum(end - start for start, end in spans.values())
    assert sorted(set(row.branches)) == [0, 1, 2, 3]
    assert collect(iter([row, row]), tokens_max=10**6).lengths.tolist() == [len(row.ids)] * 2
    assert render(layout, page, branches, room=5) is None


def test_a_question_sees_the_page_and_itself_only(layout: PromptLayout, model: Qwen3ForCausalLM) -> None:
    maker = TaskMaker(3, entry_share=0.3)
    page = page_of(maker)
    branches = made(maker, 5)
    several, single = (render(layout, page, part, room=2_000) for part in (branches, branches[3:4]))
    assert several is not None
    assert single is not None
    rows = collect([several, single], tokens_max=10**6)
    together, alone, line = pad(rows, [0]), pad(rows, [1]), pack(rows, [[1, 0]], tokens=4_096)
    first, tokens = int(rows.lengths[1]), int(rows.lengths.sum())
    with torch.no_grad():
        plain = model.model(input_ids=alone.ids[:, :first]).last_hidden_state[0]
        hidden, packed_alone = seen(model, together)[0], seen(model, line)[0]
        own = seen(model, alone)[0][alone.owners[0] == 2]
    torch.testing.assert_close(hidden[together.owners[0] == 5], own, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(own, plain[-len(own) :], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(packed_alone[:first], plain, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(packed_alone[first:tokens], hidden[: tokens - first], atol=1e-5, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_blocks_hide_what_the_dense_mask_hides(model: Qwen3ForCausalLM) -> None:
    row = Row([3 + n for n in range(300)], [PAGE] * 300, [0] * 140 + [1] * 90 + [2] * 70)
    rows = collect([row, row, row], tokens_max=10**6)
    batch = pack(rows, [[0, 1, 2], [1]], tokens=1_024)
    with torch.no_grad():
        dense = seen(model, batch)
        model.set_attn_implementation(FLEX)
        flex = seen(model, batch)
        model.set_attn_implementation("sdpa")
    torch.testing.assert_close(flex[batch.owners > 0], dense[batch.owners > 0], atol=1e-5, rtol=1e-4)


def test_blocks_that_are_left_out_hold_nothing_that_is_seen() -> None:
    row = Row([3] * 300, [PAGE] * 300, [0] * 140 + [1] * 90 + [2] * 70)
    long = Row([3] * 700, [PAGE] * 700, [0] * 600 + [1] * 100)
    batch = pack(collect([row, long], tokens_max=10**6), [[0, 1, 0], [1]], tokens=1_536)
    blocks = _block_mask(batch.owners, batch.pages)
    tiles = batch.visible.view(2, 12, 128, 12, 128)
    some, all_ = tiles.any(4).any(2), tiles.all(4).all(2)
    whole = _table(blocks.full_kv_num_blocks, blocks.full_kv_indices)
    looked_into = _table(blocks.kv_num_blocks, blocks.kv_indices)
    assert torch.equal(whole, all_ & whole)  # under these no token is checked
    assert int(whole.sum()) >= 10
    assert not (some & ~whole & ~looked_into).any()
    assert int(looked_into.sum()) < int(some.sum())


def _table(counts: torch.Tensor | None, numbers: torch.Tensor | None) -> torch.Tensor:
    """[lines, query blocks, key blocks] of yes and no."""
    assert counts is not None
    assert numbers is not None
    listed = torch.arange(numbers.shape[-1]) < counts[..., None]
    return torch.zeros(numbers.shape, dtype=torch.bool).scatter(-1, numbers.long(), listed)[:, 0]


def test_a_packed_batch_has_the_loss_and_gradients_of_a_padded_one(
    layout: PromptLayout, tokenizer: PreTrainedTokenizerBase, model: Qwen3ForCausalLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.base.pretrain.PLACE_WEIGHT", 0.0)  # its heads ask tokens at random
    maker = TaskMaker(3, entry_share=0.3, clause_share=0.5)
    made_rows = [render(layout, page_of(maker), made(maker, count), room=1_000) for count in (2, 5, 3)]
    rows = collect([row for row in made_rows if row], tokens_max=10**6)
    places = PlaceHeads(tokenizer, hidden=model.config.hidden_size, layers=2)
    found = []
    for batch in (pad(rows, [0, 1, 2]), pack(rows, [[2, 0], [1], []], tokens=2_048)):
        model.zero_grad()
        loss = batch_loss(model, places, batch, page_weight=0.3)
        loss.backward()  # type: ignore[no-untyped-call]
        grads = [weight.grad.flatten() for weight in model.parameters() if weight.grad is not None]
        found.append((loss.detach(), torch.cat(grads)))
    model.zero_grad()
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)


def test_every_packed_batch_has_one_shape_and_rows_come_once_an_epoch() -> None:
    lengths = [30 + 7 * n for n in range(20)]
    rows = collect([Row([n] * n, [PAGE] * n, [0] * (n - 1) + [1]) for n in lengths], tokens_max=10**6)
    batches = list(itertools.islice(packed([rows], 512, seed=1, line=256), 4))
    assert {batch.ids.shape for batch in batches} == {(2, 256)}
    found = [n for batch in batches[:3] for n in set(batch.ids.flatten().tolist()) - {0}]
    assert len(found) == len(set(found))
    for batch in batches:
        assert all(int((batch.ids == n).sum()) in (0, n) for n in lengths)
    alone = next(packed([rows], 100_000, seed=1, line=10_000))  # a part that fills no batch is not lost
    assert int((alone.ids > 0).sum()) == sum(lengths)
    assert alone.ids.shape == blank(100_000, line=10_000).ids.shape == (10, 10_000)


def test_chunked_attention_is_attention(model: Qwen3ForCausalLM) -> None:
    torch.manual_seed(2)
    branches = ([0] * 200 + [1] * 90 + [2] * 70, [0] * 120 + [1] * 200)
    rows = collect([Row([1] * len(own), [PAGE] * len(own), own) for own in branches], tokens_max=10**6)
    bias = mask(model, pack(rows, [[0], [1]], tokens=360))
    assert isinstance(bias, torch.Tensor)
    found = []
    for chunks in (True, False):
        torch.manual_seed(3)
        query, key, value = (torch.randn(2, heads, 360, 16, requires_grad=True) for heads in (6, 2, 2))
        if chunks:
            read = chunked(model, query, key, value, bias, 0.25)[0]
        else:
            keys, values = (tensor.repeat_interleave(3, dim=1) for tensor in (key, value))
            read = scaled_dot_product_attention(query, keys, values, attn_mask=bias, scale=0.25).transpose(1, 2)
        (read * torch.arange(16)).sum().backward()  # type: ignore[no-untyped-call]
        found.append([read, query.grad, key.grad, value.grad])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=2e-4)


def test_place_heads_ask_for_the_sentence_that_a_token_is_in(
    layout: PromptLayout, tokenizer: PreTrainedTokenizerBase, model: Qwen3ForCausalLM
) -> None:
    heads = PlaceHeads(tokenizer, hidden=model.config.hidden_size, layers=2)
    maker = TaskMaker(3)
    row = render(layout, page_of(maker), made(maker, 2), room=1_000)
    assert row is not None
    batch = pad(collect([row], tokens_max=10**6), [0])
    starts = heads.sentence_starts(batch.ids, batch.kinds)[0]
    text = [str(tokenizer.decode([int(token)])) for token in batch.ids[0]]
    for words, beginning in (
        ("in London", "The kettle was"), ("an hour", "It boils"), ("acid", "Descale"), ("contacts", "Never"),
    ):  # fmt: skip
        place = next(n for n in range(len(text)) if "".join(text[: n + 1]).endswith(words))
        assert "".join(text[int(starts[place]) :]).strip().startswith(beginning)
    places = PlaceHeads(tokenizer, hidden=model.config.hidden_size, layers=2)
    states = torch.randn(*batch.ids.shape, model.config.hidden_size, requires_grad=True)
    loss = places(states, batch.ids, batch.kinds, model.lm_head.weight)
    loss.backward()
    assert states.grad is not None
    asked = states.grad.abs().sum(-1)[0] > 0
    assert asked.any()
    assert not (asked & (batch.kinds[0] != PAGE)).any()


def test_stages_grow_the_pages(layout: PromptLayout) -> None:
    blocks = tuple(
        f"Sentence {n} names the {word}stone." for n, word in enumerate(["lime", "sand", "key", "mile"] * 40)
    )
    long = Document("test", "Stones", blocks)
    first, *_, last = preset("cpu").stages
    lengths = [
        np.mean([len(row.ids) for row in itertools.islice(make_rows([long], layout, stage, seed=1), 12)])
        for stage in (first, last)
    ]
    assert lengths[1] > 1.5 * lengths[0]
    assert sum(stage.share for stage in preset("cpu").stages) == pytest.approx(1.0)
    assert list(make_rows([Document("test", "", ("short",))], layout, first, seed=1)) == []
    with pytest.raises(DataError, match="no page"):
        collect([], tokens_max=10)


def test_a_base_is_made_goes_on_and_learns(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    sources = ["kept"] * 6 + ["basecamp/policies"] * 2
    (corpus / "qa-all.jsonl").write_text("".join(
        json.dumps({"source": source, "domain": "d", "task": "quote", "page": TEXT.replace("London", f"Town{n}"),
                    "question": "How long is the warranty?", "answer": "two years"}) + "\n"
        for n, source in enumerate(sources)
    ), encoding="utf-8")  # fmt: skip
    (corpus / "pretrain-all.jsonl").write_text("".join(
        json.dumps({"source": source, "domain": "d", "title": "t", "text": TEXT}) + "\n" for source in sources
    ), encoding="utf-8")  # fmt: skip
    work, out = tmp_path / "work", tmp_path / "base"
    pretrain(preset("tiny"), corpus, work, seed=1, minutes=0.02)
    figures = make_base("tiny", corpus, work=work, out=out, seed=1)
    assert json.loads((out / "training.json").read_text())["tokens"] >= preset("tiny").tokens
    assert figures["answer_nats_per_token"] < 0.8 * math.log(preset("tiny").vocabulary)
    assert 0 <= figures["right_block"] <= 1
    assert {"config.json", "model.safetensors", "README.md", "training.json", "loss.png"} <= {
        f.name for f in out.iterdir()
    }
    assert len(Rows.load(work / "rows-4-000.npz")) > 2
