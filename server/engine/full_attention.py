"""The one rule which bases can be served: every layer attends to all earlier tokens. Called by pull and add before
weights are fetched or copied, by convert and by the loader. Reads config.json as a mapping; knows no torch.
"""

import re
from collections.abc import Mapping
from typing import Any

from server.errors import BaseError

_FULL = frozenset({"full_attention", "attention"})  # the latter in older files
_KINDS = ("layer_types", "layers_block_type", "block_types", "_block_types")  # one name a layer
_RECURRENT = re.compile(
    r"rwkv|xlstm|mamba|recurrent|ssm_|state_size|linear_|hybrid_|attn_layer_|full_attn_idxs|conv_L_"
)  # how keys, or the name of the architecture, begin


def check_full_attention(name: str, config: Mapping[str, Any]) -> None:
    """A page's keys and values are shared between copilots and cut at any token. A recurrent state or the window of a
    layer holds for one sequence only. Raises BaseError (`base_unsupported`).
    """
    other = _other_kinds(config.get("text_config") or config)
    if other:
        raise BaseError(
            f"{name} has layers without full attention ({', '.join(other)}): their state cannot be shared between "
            "copilots. Choose a full-attention decoder.",
            code="base_unsupported",
        )


def _other_kinds(config: Any) -> list[str]:
    """What the layers are instead, in a word each. Nothing in the file is believed to be what it should be."""
    if not isinstance(config, Mapping):
        return ["unreadable"]
    stated = [kinds for key in _KINDS if (kinds := config.get(key))]
    if stated:
        readable = all(isinstance(kinds, list | tuple) and all(isinstance(k, str) for k in kinds) for kinds in stated)
        return sorted({kind[:40] for kinds in stated for kind in kinds} - _FULL) if readable else ["unreadable"]
    window = config.get("sliding_window")
    if window is not None and config.get("use_sliding_window") is not False:
        whole = config.get("max_position_embeddings")
        if not (isinstance(window, int) and isinstance(whole, int) and window >= whole):
            return ["a sliding window"]
    names = [str(config.get("model_type")), *map(str, config)]
    return ["recurrent"] if any(_RECURRENT.match(name) for name in names) else []
