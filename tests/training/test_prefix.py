"""The cached prefix is exact: plain PEFT on whole rows, one at a time, is the oracle."""

import copy
from pathlib import Path

import pytest
import torch
from peft import PeftModel

from server.errors import BaseError
from server.text.prompt import PromptLayout
from tests.training.conftest import RECIPE
from training.dataset.render import IGNORED, Rendered
from training.fit.adapter import load_base
from training.fit.attention import attend
from training.fit.loop import held_out_nll, new_adapter, trainable
from training.fit.memory import PAGES_BYTES_MAX, PAGES_BYTES_MIN, page_cache_bytes
from training.fit.prefix import PrefixCache, answer_nll, collate


@pytest.fixture
def model(base: Path, layout: PromptLayout) -> PeftModel:
    """An adapter that is not zero."""
    made = new_adapter(load_base(base, dtype="float32"), RECIPE, user_header=layout.user_header)
    with torch.no_grad():
        for weight in trainable(made).values():
            weight.normal_(std=0.05)
    return made


@pytest.fixture
def oracle(model: PeftModel) -> PeftModel:
    """The same adapter as plain PEFT runs it."""
    return copy.deepcopy(model)


def whole_pass(model: PeftModel, row: Rendered) -> torch.Tensor:
    """Sum of the answer's NLL by plain PEFT over the whole row. PEFT finds the last user header by itself."""
    ids = torch.tensor([row.prefix + row.suffix])
    labels = torch.tensor([(IGNORED,) * len(row.prefix) + row.labels])
    logits = model(input_ids=ids).logits
    losses = torch.nn.functional.cross_entropy(logits[0, :-1], labels[0, 1:], ignore_index=IGNORED, reduction="sum")
    return losses


def test_loss_and_gradients_equal_the_whole_pass(model: PeftModel, oracle: PeftModel, rows: list[Rendered]) -> None:
    assert any(row.example.history for row in rows)
    expected = torch.stack([whole_pass(oracle, row) for row in rows])
    expected.sum().backward()  # type: ignore[no-untyped-call]
    wanted = {name: weight.grad for name, weight in trainable(oracle).items() if weight.grad is not None}
    batch = collate(rows, PrefixCache(model))
    losses = answer_nll(model.train(), batch)
    losses.sum().backward()  # type: ignore[no-untyped-call]
    found = torch.zeros(len(rows)).index_add(0, batch.row_of, losses)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-5)
    assert len(wanted) == len(trainable(model)) == 28
    for name, weight in trainable(model).items():
        scale = wanted[name].abs().max()
        assert scale > 0
        assert weight.grad is not None
        torch.testing.assert_close(weight.grad / scale, wanted[name] / scale, atol=1e-5, rtol=1e-5)


def test_a_row_alone_and_in_a_batch_has_the_same_loss(model: PeftModel, rows: list[Rendered]) -> None:
    together = held_out_nll(model, PrefixCache(model), rows)
    for row, (loss, tokens) in zip(rows, together, strict=True):
        assert tokens == row.answer_tokens
        assert held_out_nll(model, PrefixCache(model), [row])[0, 0] == pytest.approx(loss, abs=1e-3)


def test_switched_off_it_is_the_base_bit_for_bit(model: PeftModel, base: Path, rows: list[Rendered]) -> None:
    alone = load_base(base, dtype="float32")
    ids = torch.tensor([rows[0].prefix])
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids, alora_offsets=[None]).logits, alone(input_ids=ids).logits)
        changed = model(input_ids=torch.tensor([rows[0].prefix + rows[0].suffix])).logits[0]
        plain = alone(input_ids=torch.tensor([rows[0].prefix + rows[0].suffix])).logits[0]
    offset = rows[0].offset
    torch.testing.assert_close(changed[:offset], plain[:offset], atol=0, rtol=0)
    assert (changed[offset] - plain[offset]).abs().max() > 1e-3  # active from the first token of the user header


def test_each_prefix_is_read_once_and_the_oldest_goes_first(model: PeftModel, rows: list[Rendered]) -> None:
    cache = PrefixCache(model)
    (first,) = cache.before(rows[0])
    assert cache.before(rows[1])[0] is first  # the same page
    small = PrefixCache(model, bytes_max=1)
    (kept,) = small.before(rows[0])
    small.before(rows[3])
    assert small.before(rows[0])[0] is not kept


def test_the_kv_of_pages_may_take_a_quarter_of_the_free_memory_within_bounds() -> None:
    assert page_cache_bytes(16 * 1024**3) == 4 * 1024**3
    assert page_cache_bytes(0) == PAGES_BYTES_MIN
    assert page_cache_bytes(10**12) == PAGES_BYTES_MAX


def test_earlier_turns_lie_apart_from_their_page(model: PeftModel, rows: list[Rendered]) -> None:
    row = next(row for row in rows if row.example.history)
    page, turns = PrefixCache(model).before(row)
    assert [part[0][0].shape[2] for part in (page, turns)] == [row.page_tokens, row.offset - row.page_tokens]


def test_what_is_not_plain_attention_is_refused() -> None:
    layer = torch.nn.Identity()
    layer.layer_idx = 0  # type: ignore[assignment]
    query = torch.zeros(1, 2, 3, 4)
    with pytest.raises(BaseError) as refused:
        attend(layer, query, query, query, None, scaling=1.0, spans=(), softcap=50.0)
    assert refused.value.code == "base_unsupported"
