"""Our own forward for the common decoder family (Llama, Mistral, Qwen2, Qwen3, Granite), built from a loaded model.

One packed sequence of tokens goes in, hidden states come out. Matrices that read the same input are one matrix
(q, k, v; gate, up), and each is held as `weights` decides, in the groups that `groups` finds of it. Other
architectures run in transformers itself; in tests that is also what this is compared with.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel

from server.engine.local.forward.attention import Step, attend
from server.engine.local.forward.groups import StoredGroups
from server.engine.local.forward.weights import Linear, NarrowLinear, WeightMode, hold
from server.engine.local.lora import LoraPlan

FAMILIES = frozenset({"granite", "llama", "mistral", "qwen2", "qwen3"})
ROPE_TYPES = frozenset({"default", "linear", "llama3", "yarn"})  # those whose table does not depend on the text

_ATTENTION, _MLP = "self_attn", "mlp"


@dataclass(frozen=True, slots=True)
class Layer:
    """qkv, o, gate_up, down with their norms; `qk_norm` [heads + kv heads, dim] where the family has one."""

    name: str
    input_norm: Tensor
    qkv: Linear
    qk_norm: Tensor | None
    o: Linear
    mlp_norm: Tensor
    gate_up: Linear
    down: Linear


class Decoder:
    """The forward of one base. Takes its weights out of `model`, which may be dropped afterwards."""

    def __init__(
        self, model: PreTrainedModel, plan: LoraPlan, *, mode: WeightMode = "wide", stored: StoredGroups | None = None
    ) -> None:
        config, inner = model.config, model.base_model
        self._plan = plan
        self._heads, self._kv_heads = int(config.num_attention_heads), int(config.num_key_value_heads)
        self._dim = int(inner.layers[0].self_attn.head_dim)
        self._eps = float(config.rms_norm_eps)
        self._scale = float(inner.layers[0].self_attn.scaling)
        self._embedding: Tensor = inner.embed_tokens.weight
        self._embedding_multiplier = float(getattr(config, "embedding_multiplier", 1.0))
        self._residual_multiplier = float(getattr(config, "residual_multiplier", 1.0))
        self._logits_scaling = float(getattr(config, "logits_scaling", 1.0))
        join = partial(_joined, mode=mode, stored=stored)
        self._layers = [self._layer(f"model.layers.{n}", layer, join) for n, layer in enumerate(inner.layers)]
        self._norm: Tensor = inner.norm.weight
        self._head = join({"lm_head": model.get_output_embeddings()})
        self._rope = RotaryTable(inner.rotary_emb, self._embedding)

    @staticmethod
    def fits(model: PreTrainedModel) -> bool:
        """Whether this forward computes what the model does."""
        config = model.config
        rope = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
        head = model.get_output_embeddings()
        return (
            config.model_type in FAMILIES
            and rope in ROPE_TYPES
            and config.hidden_act == "silu"
            and getattr(config, "sliding_window", None) is None
            and (getattr(config, "rope_parameters", None) or {}).get("partial_rotary_factor", 1.0) == 1.0
            and head is not None
            and getattr(head, "bias", None) is None
        )

    @staticmethod
    def groups(model: PreTrainedModel) -> dict[str, tuple[str, ...]]:
        """The linears that adapters may name, in the groups in which they are computed."""
        groups: dict[str, tuple[str, ...]] = {}
        for n in range(len(model.base_model.layers)):
            at, mlp = f"model.layers.{n}.{_ATTENTION}", f"model.layers.{n}.{_MLP}"
            groups[f"{at}.qkv"] = (f"{at}.q_proj", f"{at}.k_proj", f"{at}.v_proj")
            groups[f"{at}.o"] = (f"{at}.o_proj",)
            groups[f"{mlp}.gate_up"] = (f"{mlp}.gate_proj", f"{mlp}.up_proj")
            groups[f"{mlp}.down"] = (f"{mlp}.down_proj",)
        return groups

    def hidden(self, ids: Tensor, positions: Tensor, step: Step, *, end: int) -> Tensor:
        """ids, positions [tokens], positions below `end` -> [tokens, hidden], normed. Writes the rows' KV."""
        x = F.embedding(ids, self._embedding)
        if self._embedding_multiplier != 1.0:
            x = x * self._embedding_multiplier
        cos, sin = self._rope.rows(positions, end=end)
        for number, layer in enumerate(self._layers):
            x = self._attention(number, layer, x, cos, sin, step)
            x = self._mlp(layer, x)
        return F.rms_norm(x, (x.shape[-1],), self._norm, self._eps)

    def logits(self, hidden: Tensor) -> Tensor:
        """hidden [tokens, hidden] -> [tokens, vocabulary]"""
        logits = self._head(hidden)
        return logits if self._logits_scaling == 1.0 else logits / self._logits_scaling

    def answer_narrow(self, on: bool) -> None:
        """Whether narrow copies answer a few rows, where there are some, or the wide ones all. To compare them."""
        linears = [linear for layer in self._layers for linear in (layer.qkv, layer.o, layer.gate_up, layer.down)]
        for linear in (*linears, self._head):
            if isinstance(linear, NarrowLinear):
                linear.on = on

    def _attention(self, number: int, layer: Layer, x: Tensor, cos: Tensor, sin: Tensor, step: Step) -> Tensor:
        tokens, turned = x.shape[0], self._heads + self._kv_heads
        normed = F.rms_norm(x, (x.shape[-1],), layer.input_norm, self._eps)
        qkv = self._plan.add(f"{layer.name}.{_ATTENTION}.qkv", normed, layer.qkv(normed))
        qkv = qkv.view(tokens, turned + self._kv_heads, self._dim)
        qk = qkv[:, :turned]
        if layer.qk_norm is not None:
            qk = F.rms_norm(qk, (self._dim,), eps=self._eps) * layer.qk_norm
        qk = torch.addcmul(qk * cos, qk.roll(self._dim // 2, -1), sin)
        out = attend(number, qk[:, : self._heads], qk[:, self._heads :], qkv[:, turned:], step=step, scale=self._scale)
        return self._back(f"{layer.name}.{_ATTENTION}.o", layer.o, out.view(tokens, -1), x)

    def _mlp(self, layer: Layer, x: Tensor) -> Tensor:
        normed = F.rms_norm(x, (x.shape[-1],), layer.mlp_norm, self._eps)
        gate, up = self._plan.add(f"{layer.name}.{_MLP}.gate_up", normed, layer.gate_up(normed)).chunk(2, -1)
        return self._back(f"{layer.name}.{_MLP}.down", layer.down, F.silu(gate) * up, x)

    def _back(self, group: str, linear: Linear, y: Tensor, x: Tensor) -> Tensor:
        """Project back and add to the residual stream."""
        if self._residual_multiplier == 1.0:
            return self._plan.add(group, y, linear(y, x))
        return x + self._plan.add(group, y, linear(y)) * self._residual_multiplier

    def _layer(self, name: str, layer: nn.Module, join: "_Join") -> Layer:
        attention = layer.get_submodule(_ATTENTION)
        norms = [getattr(attention, side, None) for side in ("q_norm", "k_norm")]
        qk_norm = None
        if norms[0] is not None and norms[1] is not None:
            qk_norm = torch.cat([norms[0].weight.expand(self._heads, -1), norms[1].weight.expand(self._kv_heads, -1)])

        def linear(*names: str) -> Linear:
            return join({f"{name}.{inner}": layer.get_submodule(inner) for inner in names})

        return Layer(
            name=name,
            input_norm=layer.get_parameter("input_layernorm.weight"),
            qkv=linear(*(f"{_ATTENTION}.{side}_proj" for side in "qkv")),
            qk_norm=qk_norm,
            o=linear(f"{_ATTENTION}.o_proj"),
            mlp_norm=layer.get_parameter("post_attention_layernorm.weight"),
            gate_up=linear(f"{_MLP}.gate_proj", f"{_MLP}.up_proj"),
            down=linear(f"{_MLP}.down_proj"),
        )


class RotaryTable:
    """cos and signed sin of every position so far, [positions, 1, dim]: turning is two products and a roll.

    The halves of sin carry the sign that "rotate half" gives them.
    """

    def __init__(self, rotary: nn.Module, like: Tensor) -> None:
        self._rotary, self._like = rotary, like
        self._cos, self._sin = self._build(1024)

    def rows(self, positions: Tensor, *, end: int) -> tuple[Tensor, Tensor]:
        """`end` comes from the caller: asking a GPU for the largest position would wait for it."""
        while end > len(self._cos):
            self._cos, self._sin = self._build(2 * len(self._cos))
        return self._cos[positions], self._sin[positions]

    def _build(self, count: int) -> tuple[Tensor, Tensor]:
        positions = torch.arange(count, device=self._like.device)[None]
        cos, sin = self._rotary(self._like, positions)
        sin = sin[0].clone()
        sin[:, : sin.shape[-1] // 2] *= -1
        return cos[0].unsqueeze(1), sin.unsqueeze(1)


def _joined(linears: dict[str, nn.Module], *, mode: WeightMode, stored: StoredGroups | None) -> Linear:
    """Linears by module name, which read the same input, as one. What `stored` has no groups of stays wide."""
    weights: list[Tensor] = [linear.get_parameter("weight") for linear in linears.values()]
    biases = [getattr(linear, "bias", None) for linear in linears.values()]
    bias = torch.cat([b for b in biases if b is not None]) if biases[0] is not None else None
    weight = torch.cat(weights) if len(weights) > 1 else weights[0]
    if mode != "int4" or stored is None:
        return hold(weight, bias, mode=mode)
    groups = stored.read(tuple(linears), weight)
    return hold(weight, bias, mode="wide" if groups is None else mode, groups=groups)


_Join = Callable[[dict[str, nn.Module]], Linear]
