"""Our loop against a plain one: PEFT on whole rows, no page cache, no batching tricks. The same weights come out."""

import math
from pathlib import Path

import torch

from server.text.prompt import PromptLayout
from tests.training.conftest import RECIPE
from training.dataset.render import IGNORED, Rendered
from training.fit.adapter import load_base
from training.fit.loop import Fit, batches, new_adapter, rate, trainable


def test_an_epoch_of_ours_ends_where_a_plain_peft_loop_ends(
    base: Path, layout: PromptLayout, rows: list[Rendered], tmp_path: Path
) -> None:
    recipe = RECIPE.model_copy(update={"epochs": 1, "clip": 0.5})
    plain = new_adapter(load_base(base, dtype="float32"), recipe, user_header=layout.user_header)
    start = {name: weight.detach().clone() for name, weight in trainable(plain).items()}
    optimiser = torch.optim.AdamW(trainable(plain).values(), lr=recipe.lr, weight_decay=0.0)
    steps, expected = math.ceil(len(rows) / recipe.batch), []
    for step, group in enumerate(batches(rows, recipe.batch, seed=recipe.seed, epoch=1)):
        losses = torch.zeros(())
        for row in group:  # PEFT finds the invocation by itself: the last user header of the row
            ids = torch.tensor([row.prefix + row.suffix])
            labels = torch.tensor([(IGNORED,) * len(row.prefix) + row.labels])
            logits = plain(input_ids=ids).logits[0, :-1]
            losses = losses + torch.nn.functional.cross_entropy(logits, labels[0, 1:], reduction="sum")
        loss = losses / sum(row.answer_tokens for row in group)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trainable(plain).values(), recipe.clip)
        for parameters in optimiser.param_groups:
            parameters["lr"] = recipe.lr * rate(step, steps, warmup_share=recipe.warmup_share)
        optimiser.step()
        expected.append(float(loss.detach()))

    found: list[float] = []
    ours = new_adapter(load_base(base, dtype="float32"), recipe, user_header=layout.user_header)
    fit = Fit(
        ours, recipe, train=rows, heldout=rows, file=tmp_path / "checkpoint.safetensors", key="x",
        on_event=lambda event: found.append(float(str(event["loss"]))) if event["event"] == "step" else None,
    )  # fmt: skip
    fit.run()

    assert fit.progress.best_epoch == 1
    torch.testing.assert_close(torch.tensor(found), torch.tensor(expected), atol=2e-4, rtol=0)
    for name, weight in trainable(ours).items():
        moved = (trainable(plain)[name] - start[name]).abs().max()
        assert moved > 0
        difference = (weight - trainable(plain)[name]).abs()
        assert float((difference > 0.01 * moved).float().mean()) < 0.01  # Adam turns noise of tiny gradients into steps
