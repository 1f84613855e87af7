"""A base without its weights: names and shapes of what an adapter may change. Called by adopt; takes no memory."""

from pathlib import Path

import torch
from torch import nn
from transformers import AutoModelForCausalLM

from server.engine import BaseInfo
from server.engine.fingerprint import base_fingerprint
from server.engine.local.base.config import read_config
from server.engine.local.base.loader import Linears, LinearShape
from server.engine.local.faults import one_line
from server.errors import BaseError


def outline(folder: Path) -> tuple[BaseInfo, Linears]:
    """The base's record and its linear modules, from config.json alone. Raises BaseError."""
    fingerprint = base_fingerprint(folder)
    config = read_config(folder)
    try:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise BaseError(
            f"The base model {folder.name} cannot be read: {one_line(error)}", code="base_unreadable"
        ) from error
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
