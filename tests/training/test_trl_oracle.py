"""Our loop against TRL's SFTTrainer: whole rows, completion-only loss. First loss and gradients are the same."""

from pathlib import Path

import pytest
import torch
from peft import PeftModel

from server.text.prompt import PromptLayout
from tests.training.conftest import RECIPE
from training.dataset.render import Rendered
from training.fit.adapter import load_base
from training.fit.loop import Fit, new_adapter, trainable

trl = pytest.importorskip("trl")
datasets = pytest.importorskip("datasets")


def test_the_first_step_of_ours_has_the_loss_and_the_gradients_of_trl(
    base: Path, layout: PromptLayout, rows: list[Rendered], tmp_path: Path
) -> None:
    recipe = RECIPE.model_copy(update={"epochs": 1, "batch": len(rows), "clip": 1e9})
    ours, theirs = (
        _begun(new_adapter(load_base(base, dtype="float32"), recipe, user_header=layout.user_header)) for _ in range(2)
    )
    fit = Fit(ours, recipe, train=rows, heldout=rows, file=tmp_path / "checkpoint.safetensors", key="x")
    fit.run()
    loss, gradients = _trl_step(theirs, rows, folder=tmp_path / "trl")

    assert fit.progress.step == 1
    assert fit.progress.epochs[-1]["train_loss"] == pytest.approx(loss, abs=1e-4)  # ours is kept to four decimals
    for name, found in _gradients(ours, fit.optimiser).items():
        largest = float(gradients[name].abs().max())
        assert largest > 1e-4
        torch.testing.assert_close(found, gradients[name], atol=1e-5 * largest, rtol=0)


def _begun(model: PeftModel) -> PeftModel:
    """With B away from zero, where A would have no gradient."""
    torch.manual_seed(5)
    with torch.no_grad():
        for name, weight in trainable(model).items():
            if "lora_B" in name:
                weight.normal_(std=0.02)
    return model


def _gradients(model: PeftModel, optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Those of the only step so far: Adam's first moment is a tenth of them (Kingma and Ba 2015)."""
    return {name: optimiser.state[weight]["exp_avg"] / 0.1 for name, weight in trainable(model).items()}


def _trl_step(model: PeftModel, rows: list[Rendered], *, folder: Path) -> tuple[float, dict[str, torch.Tensor]]:
    """One step on all rows, given as our token ids: the loss in nats per answer token, and the gradients."""
    examples = [
        {
            "input_ids": [*row.prefix, *row.suffix],
            "completion_mask": [0] * (row.offset + row.answer_at) + [1] * row.answer_tokens,
        }
        for row in rows
    ]
    config = trl.SFTConfig(
        output_dir=str(folder), max_steps=1, per_device_train_batch_size=len(rows), completion_only_loss=True,
        max_length=None, max_grad_norm=0.0, activation_checkpointing=False, bf16=False, use_cpu=True,
        save_strategy="no", report_to="none", disable_tqdm=True,
    )  # fmt: skip
    adam = torch.optim.AdamW(trainable(model).values(), weight_decay=0.0)
    constant = torch.optim.lr_scheduler.ConstantLR(adam, factor=1.0)
    trainer = trl.SFTTrainer(
        model, config, train_dataset=datasets.Dataset.from_list(examples), optimizers=(adam, constant)
    )
    return float(trainer.train().training_loss), _gradients(model, adam)
