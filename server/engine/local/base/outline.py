"""A base without its weights: names and shapes of what an adapter may change. Called by adopt; takes no memory."""

from pathlib import Path

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM

from server.engine import BaseInfo
from server.engine.local.base.loader import Linears, LinearShape, base_fingerprint
from server.errors import BaseError


def outline(folder: Path) -> tuple[BaseInfo, Linears]:
    """The base's record and its linear modules, from config.json alone. Raises BaseError."""
    fingerprint = base_fingerprint(folder)
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise BaseError(f"The base model {folder.name} cannot be read: {error}", code="base_unreadable") from error
    linears = {
        name: LinearShape(module.out_features, module.in_features, torch.float32, torch.device("cpu"))
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module is not model.get_output_embeddings()
    }
    info = BaseInfo(
        name=folder.name, fingerprint=fingerprint, parameters=sum(weight.numel() for weight in model.parameters()),
        context_tokens=int(config.max_position_embeddings),
    )  # fmt: skip
    return info, linears
