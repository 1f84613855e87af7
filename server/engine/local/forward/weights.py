"""How a base's weight matrices are held for computing: as loaded, packed for the processor, or also in 8 or 4 bits.

On a CPU one token costs the time to read the weights once, so narrow copies answer alone while the wide, packed
copy serves batches and page reading: quantised kernels cost per row, packed bf16 rows are nearly free. The 4-bit
codes are those that the base was published in where there are some (`groups` reads them), else rounded here.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

WeightMode = Literal["wide", "int8", "int4"]

INT4_GROUP = 32  # neighbouring inputs that share a scale and an offset
INT4_ROWS_MAX = 3
INT8_ROWS_MAX = 6
_PACKED_AT_ONCE = 4096  # outputs; packing takes codes of 32 bits, and blocks of 64 outputs lie on their own


@dataclass(frozen=True, slots=True)
class Groups:
    """A matrix [out, in] in 4-bit groups: value = (code - 8) * scale + offset.

    codes [out, inputs] in 0..15 of any integer type; scales, offsets [out, inputs / 32] in fp32. `inputs` is in, or
    2 in where the values have 8 bits: each is the sum of two, so the input is read twice.
    """

    codes: Tensor
    scales: Tensor
    offsets: Tensor
    reads: int = 1

    def values(self, *, every: int = 1) -> Tensor:
        """Each `every`-th row of the matrix, [ceil(out / every), in] in fp32."""
        codes, scales, offsets = (part[::every] for part in (self.codes, self.scales, self.offsets))
        rows, inputs = codes.shape
        groups = (codes.view(rows, -1, INT4_GROUP).float() - 8) * scales[..., None] + offsets[..., None]
        return groups.view(rows, self.reads, inputs // self.reads).sum(1)


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
    """A scale and an offset for each group of inputs.

    On x86 the kernel is only fast in bf16, without bf16 instructions too (it widens as it reads, and sums in fp32):
    inputs, scales, offsets and results are rounded to bf16, whatever the type around.
    """

    def __init__(self, groups: Groups) -> None:
        pack = torch.ops.aten._convert_weight_to_int4pack_for_cpu
        parts = torch.split(groups.codes, _PACKED_AT_ONCE)
        self._weight = torch.cat([pack(part.to(torch.int32).contiguous(), 1) for part in parts])
        self._scales = torch.stack([groups.scales.t(), groups.offsets.t()], -1).contiguous().to(torch.bfloat16)
        self._reads = groups.reads

    def __call__(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        read = x.to(torch.bfloat16).contiguous()
        if self._reads > 1:
            read = read.repeat(1, self._reads)
        y: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(read, self._weight, INT4_GROUP, self._scales)
        y = y.to(x.dtype)
        return y if plus is None else y + plus


class NarrowLinear:
    """A narrow copy for a few rows, the wide one for many, or for all while not `on`."""

    def __init__(self, narrow: Linear, wide: Linear, *, rows_max: int) -> None:
        self._narrow, self._wide, self._rows_max = narrow, wide, rows_max
        self.on = True

    def __call__(self, x: Tensor, plus: Tensor | None = None) -> Tensor:
        return (self._narrow if self.on and x.shape[0] <= self._rows_max else self._wide)(x, plus)


def hold(
    weight: Tensor, bias: Tensor | None = None, *, mode: WeightMode = "wide", groups: Groups | None = None
) -> Linear:
    """weight [out, in] in the given mode; a shape that a narrow kernel cannot take stays wide.

    `groups` are the same matrix as it was published, taken for "int4" instead of a rounding of `weight`.
    """
    wide: Linear = PackedLinear(weight, bias) if _packs(weight) else PlainLinear(weight, bias)
    if weight.device.type != "cpu":
        return wide
    out, inputs = weight.shape
    if mode == "int8" and bias is None and inputs % 16 == 0:
        return NarrowLinear(Int8Linear(weight), wide, rows_max=INT8_ROWS_MAX)
    if mode == "int4" and bias is None and inputs % INT4_GROUP == 0 and out % 16 == 0:
        return NarrowLinear(Int4Linear(groups or round_to_int4(weight)), wide, rows_max=INT4_ROWS_MAX)
    return wide


def _packs(weight: Tensor) -> bool:
    """Whether oneDNN is here, and takes the type on this processor."""
    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    return weight.dtype != torch.bfloat16 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def round_to_int4(weight: Tensor) -> Groups:
    """weight [out, in] in 4-bit groups that lose little.

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
        scale = ((high - low) * shrink / 15).clamp_min(1e-8).to(torch.bfloat16).float()
        middle = ((high + low) / 2 + scale / 2).to(torch.bfloat16).float()
        code = ((groups - middle[..., None]) / scale[..., None]).round().clamp(-8, 7)
        error = (code * scale[..., None] + middle[..., None] - groups).pow(2).sum(2)
        better = error < best
        best = torch.where(better, error, best)
        codes = torch.where(better[..., None], (code + 8).to(torch.int32), codes)
        scales, offsets = torch.where(better, scale, scales), torch.where(better, middle, offsets)
    return Groups(codes.view(out, inputs), scales, offsets)
