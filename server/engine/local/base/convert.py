"""`python -m server.engine.local.base.convert GGUF OUT`: a GGUF file becomes a folder of bf16 safetensors, tokenizer,
chat template.

Started by install as a process of its own: a file that crashes its reader, or the memory that it takes, is gone with
the process. Writes into OUT, which must not exist; whoever called moves it into place.
"""

import errno
import sys
from pathlib import Path
from typing import Any

from server.engine.full_attention import check_full_attention
from server.errors import BaseError

ARCHITECTURES = ("llama", "mistral", "qwen2", "qwen3")  # full-attention decoders that transformers reads from GGUF


def convert(gguf: Path, out: Path) -> None:
    """Raises BaseError (`base_unsupported`, `base_convert_failed`, `base_disk_full`)."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    source: dict[str, Any] = {"gguf_file": gguf.name, "local_files_only": True, "trust_remote_code": False}
    config = _read_config(gguf, source)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **source)
    if not getattr(tokenizer, "chat_template", None):
        raise BaseError(f"{gguf.name} has no chat template. Choose an instruct model.", code="base_unsupported")
    model, found = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        config=config,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
        output_loading_info=True,
        **source,
    )
    if found["missing_keys"] or found["mismatched_keys"]:  # transformers would make them up
        raise BaseError(f"{gguf.name} lacks weights that its settings promise.", code="base_convert_failed")
    if not all(bool(torch.isfinite(weight).all()) for weight in model.parameters()):
        raise BaseError(f"{gguf.name} holds weights that are no numbers.", code="base_convert_failed")
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def _read_config(gguf: Path, source: dict[str, Any]) -> Any:
    from transformers import AutoConfig

    try:
        config: Any = AutoConfig.from_pretrained(gguf.parent, **source)
    except ValueError as error:
        raise BaseError(f"{gguf.name} cannot be read as a GGUF model: {error}", code="base_unsupported") from error
    if config.model_type not in ARCHITECTURES:
        raise BaseError(
            f"{gguf.name} is a {config.model_type}. Choose a full-attention decoder ({', '.join(ARCHITECTURES)}).",
            code="base_unsupported",
        )
    check_full_attention(gguf.name, config.to_dict())
    return config


def main(gguf: Path, out: Path) -> int:
    """The last line on stdout is `code: sentence` when the exit status is 1; stderr shows progress."""
    try:
        convert(gguf, out)
    except BaseError as error:
        refusal = error
    except OSError as error:
        full = error.errno == errno.ENOSPC
        refusal = BaseError(
            f"{gguf.name} could not be converted: {error.strerror or error}",
            code="base_disk_full" if full else "base_convert_failed",
        )
    except Exception as error:  # what a reader of foreign files raises is not known
        refusal = BaseError(f"{gguf.name} could not be converted: {error!r}", code="base_convert_failed")
    else:
        return 0
    print(f"{refusal.code}: {' '.join(refusal.message.split())}")
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
