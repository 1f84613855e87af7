"""Our engine against plain transformers and PEFT, computed from scratch: same tokens, same logits."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from torch import Tensor
from transformers import AutoModelForCausalLM

from server.engine import AdapterRef, BaseInfo, PageTokens, Request
from server.engine.adapter_check import check_adapter
from server.engine.local.base.adapter import read_adapter
from server.engine.local.base.loader import load_base
from server.engine.local.forward.runner import Runner
from server.engine.local.kvcache import BASE_KIND, SegmentTree
from server.engine.local.scheduler import Row, Work
from tests import tiny

from .conftest import USER_HEADER, Driver

torch.manual_seed(1)
PAGE = [1, *torch.randint(300, tiny.VOCABULARY, (150,)).tolist(), 2]
HISTORY = [*USER_HEADER, *torch.randint(300, tiny.VOCABULARY, (9,)).tolist(), 2]
TURNS = [[*USER_HEADER, *torch.randint(300, tiny.VOCABULARY, (11,)).tolist()] for _ in range(4)]

RequestFor = Callable[..., Request]


def reference(base: Path, adapter: Path | None, ids: list[int], *, tokens: int) -> list[int]:
    """Greedy tokens of plain transformers, or of PEFT with the adapter, every step from scratch."""
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter)
    model.eval()
    ids = list(ids)
    prompt = len(ids)
    with torch.no_grad():
        for _ in range(tokens):
            ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[prompt:]


def logits_of(base: Path, adapter: Path | None, ids: list[int]) -> Tensor:
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter)
    with torch.no_grad():
        logits: Tensor = model.eval()(input_ids=torch.tensor([ids])).logits[0]
    return logits


def test_the_base_alone_writes_what_transformers_writes(
    driver: Driver, tiny_base: Path, request_for: RequestFor
) -> None:
    page = PageTokens(tuple(PAGE))
    driver.open(page)

    [(ids, finished)] = driver.ask(request_for(page, TURNS[0], None))

    assert ids == reference(tiny_base, None, PAGE + TURNS[0], tokens=12)
    assert finished.cached_tokens == len(PAGE)


def test_every_adapter_on_the_shared_page_writes_what_peft_writes_from_scratch(
    driver: Driver, tiny_base: Path, adapters: list[Path], refs: list[AdapterRef], request_for: RequestFor
) -> None:
    page = PageTokens(tuple(PAGE))
    driver.open(page)

    for folder, ref in zip(adapters, refs, strict=True):
        [(ids, finished)] = driver.ask(request_for(page, TURNS[1], ref))

        assert ids == reference(tiny_base, folder, PAGE + TURNS[1], tokens=12)
        assert finished.cached_tokens == len(PAGE)


def test_a_mixed_batch_writes_the_same_tokens_as_one_at_a_time(
    driver: Driver, tiny_base: Path, adapters: list[Path], refs: list[AdapterRef], request_for: RequestFor
) -> None:
    page, other = PageTokens(tuple(PAGE)), PageTokens(tuple(PAGE[:70]))
    driver.open(page)
    requests = [
        request_for(page, TURNS[0], refs[0]),
        request_for(page, TURNS[1], refs[1]),
        request_for(page, TURNS[2], None),
        request_for(other, TURNS[3], refs[2]),
        request_for(page, TURNS[3], refs[0], history=HISTORY),
    ]

    together = [ids for ids, _ in driver.ask(*requests)]

    alone = [driver.ask(request)[0][0] for request in requests]
    expected = [
        reference(tiny_base, adapters[0], PAGE + TURNS[0], tokens=12),
        reference(tiny_base, adapters[1], PAGE + TURNS[1], tokens=12),
        reference(tiny_base, None, PAGE + TURNS[2], tokens=12),
        reference(tiny_base, adapters[2], PAGE[:70] + TURNS[3], tokens=12),
        reference(tiny_base, adapters[0], PAGE + HISTORY + TURNS[3], tokens=12),
    ]
    assert together == alone == expected


def test_a_thread_is_computed_once_whoever_goes_on_with_it(
    driver: Driver, tiny_base: Path, adapters: list[Path], refs: list[AdapterRef], request_for: RequestFor
) -> None:
    """KV that the first copilot wrote is not reused: PEFT computes earlier turns with the base."""
    page = PageTokens(tuple(PAGE))
    driver.open(page)
    [(first, _)] = driver.ask(request_for(page, TURNS[0], refs[0]))
    history = [*TURNS[0], *first, 2]

    [(second, after_first)] = driver.ask(request_for(page, TURNS[1], refs[1], history=history))
    [(third, after_second)] = driver.ask(request_for(page, TURNS[2], refs[2], history=history))

    assert second == reference(tiny_base, adapters[1], PAGE + history + TURNS[1], tokens=12)
    assert third == reference(tiny_base, adapters[2], PAGE + history + TURNS[2], tokens=12)
    assert after_first.cached_tokens == len(PAGE)
    assert after_second.cached_tokens == len(PAGE) + len(history)


def test_the_base_goes_on_from_its_own_answer(driver: Driver, tiny_base: Path, request_for: RequestFor) -> None:
    page = PageTokens(tuple(PAGE))
    driver.open(page)
    [(first, _)] = driver.ask(request_for(page, TURNS[0], None))
    history = [*TURNS[0], *first, 2]

    [(second, finished)] = driver.ask(request_for(page, TURNS[1], None, history=history))

    assert second == reference(tiny_base, None, PAGE + history + TURNS[1], tokens=12)
    assert finished.cached_tokens == len(PAGE) + len(history) - 2  # the last token was picked, not yet read


def test_a_plain_lora_adapter_acts_from_the_first_token_and_shares_no_base_kv(
    driver: Driver, tiny_base: Path, plain_adapter: Path, info: BaseInfo, request_for: RequestFor
) -> None:
    page = PageTokens(tuple(PAGE))
    driver.open(page)

    [(ids, finished)] = driver.ask(request_for(page, TURNS[0], check_adapter(plain_adapter, info)))

    assert ids == reference(tiny_base, plain_adapter, PAGE + TURNS[0], tokens=12)
    assert finished.cached_tokens == 0


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_logits_on_the_shared_page_equal_pefts_to_rounding(
    tiny_base: Path, adapters: list[Path], info: BaseInfo, chunk: int
) -> None:
    base = load_base(tiny_base, dtype=torch.float32)
    adapter = read_adapter(check_adapter(adapters[0], info), base.linears)
    runner = Runner(base)
    page = computed(runner, PAGE, chunk=chunk)
    assert page.tail is not None
    tree = SegmentTree(10**9)
    segment = tree.add(BASE_KIND, None, PAGE, page.tail)
    row = Row(ids=PAGE + TURNS[0], activation=len(PAGE), emit=lambda event: None)
    row.adapter, row.segment, row.done, row.tail = adapter, segment, len(PAGE), runner.new_tail(64)

    logits = runner.step([Work(row, len(TURNS[0]))])[0][0]

    assert torch.allclose(logits, logits_of(tiny_base, adapters[0], PAGE + TURNS[0])[-1], atol=2e-4)


def test_base_logits_are_identical_before_and_after_adapters_were_used(
    tiny_base: Path, adapters: list[Path], info: BaseInfo
) -> None:
    base = load_base(tiny_base, dtype=torch.float32)
    runner = Runner(base)
    before = computed_logits(runner, PAGE, None)

    changed = [computed_logits(runner, PAGE, read_adapter(check_adapter(a, info), base.linears)) for a in adapters]

    assert torch.equal(computed_logits(runner, PAGE, None), before)
    assert all(not torch.equal(logits, before) for logits in changed)
    assert torch.allclose(before, logits_of(tiny_base, None, PAGE)[-1], atol=2e-4)


def computed(runner: Runner, ids: list[int], *, chunk: int) -> Row:
    row = Row(ids=list(ids), activation=len(ids), emit=lambda event: None)
    row.tail = runner.new_tail(len(ids))
    while row.pending:
        count = min(chunk, row.pending)
        runner.step([Work(row, count)])
        row.tail.length += count
        row.done += count
    return row


def computed_logits(runner: Runner, ids: list[int], adapter: object) -> Tensor:
    row = Row(ids=list(ids), activation=0, emit=lambda event: None)
    row.adapter, row.tail = adapter, runner.new_tail(len(ids))  # type: ignore[assignment]
    return runner.step([Work(row, len(ids))])[0][0]
