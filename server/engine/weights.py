"""How a base's weight matrices are held for computing: as loaded, packed for the processor, or also in 8 or 4 bits.

On a CPU one token costs the time to read the weights once, so narrow copies answer alone while the wide, packed
copy serves batches and page reading: quantised kernels cost per row, packed bf16 rows are nearly free.
"""

from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

WeightMode = Literal["wide", "int8", "int4"]

INT4_GROUP = 32  # neighbouring inputs that share a scale and an offset
INT4_ROWS_MAX = 3
INT8_ROWS_MAX = 6


class Linear(Protocol):
    def __call__(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        """x [rows, in] -> [rows, out], with `plus` [rows, out] added."""
        ...


class PlainLinear:
    """Any device and type, by the library's own kernels."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self._weight, self._bias = weight.contiguous(), bias

    def __call__(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        y = F.linear(x, self._weight, self._bias)
        return y if plus is None else y + plus


class PackedLinear:
    """CPU: the matrix in oneDNN's own layout, so that it is read once and in order."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), None)
        self._bias = bias

    def __call__(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        if plus is None:
            y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, "none", [], "")
        else:
            y = torch.ops.mkldnn._linear_pointwise.binary(x, plus, self._weight, self._bias, "add")
        return y


class Int8Linear:
    """One scale for each output, symmetric."""

    def __init__(self, weight: Tensor) -> None:
        scale = weight.float().abs().amax(1).clamp_min(1e-8) / 127
        self._scale = scale.to(weight.dtype)
        self._weight = (weight.float() / scale[:, None]).round().clamp(-127, 127).to(torch.int8).contiguous()

    def __call__(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        y: Tensor = torch.ops.aten._weight_int8pack_mm(x.contiguous(), self._weight, self._scale)
        return y if plus is None else y + plus


class Int4Linear:
    """A scale and an offset for each group of inputs, chosen to lose least."""

    def __init__(self, weight: Tensor) -> None:
        codes, scales, offsets = round_to_int4(weight)
        self._weight = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes.contiguous(), 1)
        self._scales = torch.stack([scales.t(), offsets.t()], -1).contiguous().to(weight.dtype)

    def __call__(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        y: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(x.contiguous(), self._weight, INT4_GROUP, self._scales)
        return y if plus is None else y + plus


class NarrowLinear:
    """A narrow copy for a few rows, the wide one for many."""

    def __init__(self, narrow: Linear, wide: Linear, *, rows_max: int) -> None:
        self._narrow, self._wide, self._rows_max = narrow, wide, rows_max

    def __call__(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        return (self._narrow if x.shape[0] <= self._rows_max else self._wide)(x, plus)


def hold(weight: Tensor, bias: Tensor | None = None, *, mode: WeightMode = "wide") -> Linear:
    """weight [out, in] in the given mode; a shape that a narrow kernel cannot take stays wide."""
    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return PlainLinear(weight, bias)
    wide = PackedLinear(weight, bias)
    out, inputs = weight.shape
    if mode == "int8" and bias is None and inputs % 16 == 0:
        return NarrowLinear(Int8Linear(weight), wide, rows_max=INT8_ROWS_MAX)
    if mode == "int4" and bias is None and inputs % INT4_GROUP == 0 and out % 16 == 0:
        return NarrowLinear(Int4Linear(weight), wide, rows_max=INT4_ROWS_MAX)
    return wide


def round_to_int4(weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """weight [out, in] -> codes 0..15 [out, in], scales and offsets [out, groups]: value = (code - 8) scale + offset.

    For each group the range is shrunk step by step and the one with the least squared error is kept: a rare
    large weight is then clipped rather than making every other one coarse.
    """
    out, inputs = weight.shape
    groups = weight.float().view(out, inputs // INT4_GROUP, INT4_GROUP)
    high, low = groups.amax(2), groups.amin(2)
    best = torch.full_like(high, float("inf"))
    codes = torch.zeros_like(groups, dtype=torch.int32)
    scales, offsets = torch.zeros_like(high), torch.zeros_like(high)
    for shrink in torch.linspace(1.0, 0.6, 17).tolist():
        scale = ((high - low) * shrink / 15).clamp_min(1e-8).to(weight.dtype).float()
        middle = ((high + low) / 2 + scale / 2).to(weight.dtype).float()
        code = ((groups - middle[..., None]) / scale[..., None]).round().clamp(-8, 7)
        error = (code * scale[..., None] + middle[..., None] - groups).pow(2).sum(2)
        better = error < best
        best = torch.where(better, error, best)
        codes = torch.where(better[..., None], (code + 8).to(torch.int32), codes)
        scales, offsets = torch.where(better, scale, scales), torch.where(better, middle, offsets)
    return codes.view(out, inputs), scales, offsets
