"""Writes and reads adapter folders as PEFT knows them: one safetensors, one config. Called by make and evaluate.

Of PEFT's own saving only the names of tensors and config fields are kept: fields in a fixed order, the
base's name, mode 0644, no pickle, no copied tokenizer.
"""

import json
from pathlib import Path

import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import PreTrainedModel

from server.engine.local.base import loader
from server.errors import CopilotError
from server.files import ADAPTER_WEIGHTS, SMALL_BYTES_MAX, check_folder, check_regular, read_regular, why_not
from training.fit.checkpoint import write_tensors

CONFIG = "adapter_config.json"
STORED = torch.bfloat16
ADAPTER_BYTES_MAX = 256 * 1024**2


def load_base(folder: Path, *, dtype: str) -> PreTrainedModel:
    """The base model through the server's loader, on the accelerator when there is one. Raises BaseError."""
    wanted = {"float32": torch.float32, "bfloat16": torch.bfloat16}.get(dtype)  # "auto": what serving takes
    device = training_device()
    return loader.load_base(folder, dtype=wanted, device=device).model


def training_device() -> str:
    """The accelerator when there is one: CUDA, then Apple's."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def load_adapter(base: PreTrainedModel, folder: Path) -> PeftModel:
    """Plain PEFT, as anyone would load it. Raises CopilotError (`copilot_unreadable`)."""
    if not (folder / ADAPTER_WEIGHTS).exists() or not (folder / CONFIG).exists():
        raise CopilotError(f"{folder} holds no adapter.", code="copilot_unreadable")
    try:
        check_folder(folder, bytes_max=ADAPTER_BYTES_MAX)
    except OSError as error:
        raise CopilotError(f"{error.filename or folder} {why_not(error)}.", code="copilot_unreadable") from error
    return PeftModel.from_pretrained(base, str(folder)).eval()


def load_start(model: PeftModel, folder: Path) -> None:
    """Copy an adapter's weights into a fresh one of the same shape. Raises CopilotError (`copilot_weights_invalid`)."""
    try:
        check_regular(folder / ADAPTER_WEIGHTS, bytes_max=ADAPTER_BYTES_MAX, inside=folder)
        stored = load_file(folder / ADAPTER_WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise CopilotError(f"{folder} holds no adapter.", code="copilot_unreadable") from error
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if not weight.requires_grad:
                continue
            found = stored.get(name.replace(".default.", "."))
            if found is None or found.shape != weight.shape:
                raise CopilotError(
                    f"{folder} has another rank or other layers than this recipe.", code="copilot_weights_invalid"
                )
            weight.copy_(found)


def round_weights(model: PeftModel) -> None:
    """Round the adapter to what is stored, so that what is measured is what is shipped."""
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.copy_(weight.to(STORED))


def write_weights(model: PeftModel, folder: Path, *, base_name: str) -> None:
    """adapter_model.safetensors (bf16) and adapter_config.json; the same weights give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = get_peft_model_state_dict(model)
    stored = {name: tensors[name].detach().to("cpu", STORED).contiguous() for name in sorted(tensors)}
    write_tensors(stored, folder / ADAPTER_WEIGHTS, metadata={"format": "pt"})
    config = model.peft_config["default"]
    config.save_pretrained(str(folder))
    fields = json.loads(read_regular(folder / CONFIG, bytes_max=SMALL_BYTES_MAX))
    fields |= {"base_model_name_or_path": base_name, "inference_mode": True}
    fields["target_modules"] = sorted(config.target_modules)
    (folder / CONFIG).write_text(json.dumps(fields, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    for name in (ADAPTER_WEIGHTS, CONFIG):
        (folder / name).chmod(0o644)
