"""A base's 4-bit and 8-bit groups as its GGUF file holds them, by the names of the base's modules. Called by decoder.

Such a base was published in groups: rounding its widened weights again would lose what the file has. Which kernel
multiplies them is weights' business. What the file says is held to its size, and to the widened weights.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from server.engine.fingerprint import GGUF
from server.engine.local.base.gguf_file import GgufHeader, StoredTensor, read_header
from server.engine.local.forward.weights import INT4_GROUP, Groups
from server.errors import BaseError

_TURNED = {"llama": True, "qwen2": False, "qwen3": False}  # whether llama.cpp reorders the rows of q and k
_LINEARS = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}  # fmt: skip
_CHECKED_EVERY = 17  # rows: shows a wrong file, and (being odd) a wrong order, at a seventeenth of the time
_ROUNDING = 2**-8  # of bf16, in which the widened weights are stored

_Bytes = npt.NDArray[np.uint8]


class StoredGroups:
    """The groups of one base, read matrix by matrix: unpacked they take four times their room."""

    def __init__(self, folder: Path, header: GgufHeader, config: Any) -> None:
        self._file, self._header = folder / GGUF, header
        self._heads = {"attn_q": int(config.num_attention_heads), "attn_k": int(config.num_key_value_heads)}

    @classmethod
    def open(cls, folder: Path, config: Any) -> "StoredGroups | None":
        """None without a GGUF file of a known architecture. Raises BaseError (`base_unreadable`)."""
        if not (folder / GGUF).is_file():
            return None
        header = read_header(folder / GGUF)
        return cls(folder, header, config) if header.architecture in _TURNED else None

    def read(self, modules: tuple[str, ...], weight: Tensor) -> Groups | None:
        """The groups of the modules' matrices, one below the other, which `weight` [out, in] holds widened.

        None where one is stored in a way that no kernel here reads. Raises BaseError (`base_unreadable`) where the
        file is damaged or belongs to other weights.
        """
        tensors = [(self._header.tensors.get(name), name) for name in map(self._name, modules)]
        layouts = {_LAYOUTS.get(tensor.kind) if tensor is not None else None for tensor, _ in tensors}
        layout = layouts.pop()
        if layout is None or layouts:
            return None
        parts = [self._one(tensor, layout, name) for tensor, name in tensors if tensor is not None]
        groups = Groups(
            torch.cat([part.codes for part in parts]),
            torch.cat([part.scales for part in parts]),
            torch.cat([part.offsets for part in parts]),
            layout.reads,
        )
        if not self._agree(groups, weight):
            raise self._refusal(f"{', '.join(modules)} holds other weights than the base")
        return groups

    def _name(self, module: str) -> str:
        """model.layers.3.mlp.up_proj -> blk.3.ffn_up.weight"""
        if module == "lm_head":
            return "output.weight" if "output.weight" in self._header.tensors else "token_embd.weight"
        number, _, linear = module.removeprefix("model.layers.").partition(".")
        return f"blk.{number}.{_LINEARS.get(linear)}.weight"

    def _one(self, tensor: StoredTensor, layout: "_Layout", name: str) -> Groups:
        out, inputs = tensor.shape if len(tensor.shape) == 2 else (0, 0)
        count = out * inputs // INT4_GROUP * layout.bytes
        if not out or inputs % INT4_GROUP or tensor.offset + count > self._file.stat().st_size:
            raise self._refusal(f"{name} has another size than it says")
        data = np.fromfile(self._file, np.uint8, count, offset=tensor.offset)
        groups = layout.unpack(data.reshape(out, inputs // INT4_GROUP, layout.bytes))
        heads = self._heads.get(name.split(".")[-2])
        if heads is None or not _TURNED[self._header.architecture]:
            return groups
        if out % (2 * heads):
            raise self._refusal(f"{name} does not fit the heads")
        rows = torch.arange(out).view(heads, -1, 2).transpose(1, 2).reshape(-1)  # pairs next to each other -> halves
        return Groups(groups.codes[rows], groups.scales[rows], groups.offsets[rows], groups.reads)

    @staticmethod
    def _agree(groups: Groups, weight: Tensor) -> bool:
        values, wide = groups.values(every=_CHECKED_EVERY), weight[::_CHECKED_EVERY].float()
        finite = bool(torch.isfinite(groups.scales).all() and torch.isfinite(groups.offsets).all())
        return finite and values.shape == wide.shape and torch.allclose(values, wide, rtol=_ROUNDING, atol=1e-6)

    def _refusal(self, reason: str) -> BaseError:
        return BaseError(
            f"{GGUF} of {self._file.parent.name} is damaged: {reason}. Remove the base and fetch it again.",
            code="base_unreadable",
        )


def _numbers(data: _Bytes) -> Tensor:
    """Two bytes each -> fp32."""
    halves: npt.NDArray[np.float32] = np.ascontiguousarray(data).view("<f2")[..., 0].astype(np.float32)
    return torch.from_numpy(halves)


def _nibbles(data: _Bytes) -> Tensor:
    """[out, groups, 16]: the low halves are inputs 0 to 15 of the group, the high ones 16 to 31."""
    return torch.from_numpy(np.concatenate([data & 15, data >> 4], -1).reshape(len(data), -1))


def _q4_0(blocks: _Bytes) -> Groups:
    scales = _numbers(blocks[..., :2])
    return Groups(_nibbles(blocks[..., 2:]), scales, torch.zeros_like(scales))


def _q4_1(blocks: _Bytes) -> Groups:
    """value = scale code + minimum"""
    scales = _numbers(blocks[..., :2])
    return Groups(_nibbles(blocks[..., 4:]), scales, _numbers(blocks[..., 2:4]) + 8 * scales)


def _q8_0(blocks: _Bytes) -> Groups:
    """value = scale code, code = 16 high + low: no kernel here reads groups of 8 bits, two of 4 bits say the same."""
    scales = _numbers(blocks[..., :2])
    codes = np.ascontiguousarray(blocks[..., 2:]).view(np.int8).reshape(len(blocks), -1)
    return Groups(
        torch.from_numpy(np.concatenate([(codes >> 4) + 8, codes & 15], 1)),
        torch.cat([16 * scales, scales], 1),
        torch.cat([torch.zeros_like(scales), 8 * scales], 1),
        reads=2,
    )


@dataclass(frozen=True, slots=True)
class _Layout:
    """How ggml stores 32 neighbouring inputs."""

    bytes: int
    reads: int
    unpack: Callable[[_Bytes], Groups]


_LAYOUTS = {2: _Layout(18, 1, _q4_0), 3: _Layout(20, 1, _q4_1), 8: _Layout(34, 2, _q8_0)}  # by ggml's number
