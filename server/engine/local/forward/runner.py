"""One step of the model: packs the planned tokens of all rows, runs the base with each row's adapter, gives logits."""

import torch
from torch import Tensor

from server.engine.local.base.loader import Base
from server.engine.local.forward import attention
from server.engine.local.forward.attention import RowSpan, Step
from server.engine.local.forward.decoder import Decoder
from server.engine.local.forward.groups import StoredGroups
from server.engine.local.forward.tails import KvShape, Tail, TailPool
from server.engine.local.forward.weights import WeightMode
from server.engine.local.lora import LoraPlan, wrap_linears
from server.engine.local.scheduler import Work


class Runner:
    """Owns the base's weights and the tails. `lean=False` computes in transformers whatever the architecture is.

    `mode` "int4" takes the groups of `stored` as they lie; without `stored` it rounds.
    """

    def __init__(
        self, base: Base, *, lean: bool = True, mode: WeightMode = "wide", stored: StoredGroups | None = None
    ) -> None:
        model, config = base.model, base.model.config
        weight: Tensor = model.get_input_embeddings().weight
        heads = int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
        dim = int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
        self._like = weight[:0]
        self.tails = TailPool(KvShape(int(config.num_hidden_layers), heads, dim, weight.dtype, weight.device))
        self.lean = lean and Decoder.fits(model)
        groups = Decoder.groups(model) if self.lean else {name: (name,) for name in base.linears}
        self._plan = LoraPlan(groups, base.linears)
        narrow = {"int8": 8, "int4": 4} if self.lean else {}
        self.weight_bits: int = narrow.get(mode, 8 * weight.element_size())  # of a weight, as one row's step reads it
        self._forward: Decoder | _Transformers
        if self.lean:
            self._forward = Decoder(model, self._plan, mode=mode, stored=stored)
        else:
            self._forward = _Transformers(base, self._plan)

    def new_tail(self, tokens: int) -> Tail:
        return self.tails.take(tokens)

    def answer_narrow(self, on: bool) -> None:
        """As Decoder's; transformers has no narrow copies."""
        if isinstance(self._forward, Decoder):
            self._forward.answer_narrow(on)

    @torch.inference_mode()
    def step(self, work: list[Work]) -> list[Tensor]:
        """For each row, logits [1 + drafted, vocabulary] of its last planned token and of each drafted one.

        KV is written but not yet counted in.
        """
        device = self._like.device
        ids: list[int] = []
        positions: list[int] = []
        adapters = []
        spans: list[RowSpan] = []
        wanted: list[int] = []
        for item in work:
            row, first = item.row, item.row.done
            assert row.tail is not None  # noqa: S101 - admission gives every row a tail
            new = row.ids[first : first + item.count] + list(item.draft)
            row.tail.reserve(len(new))
            path = row.segment.path() if row.segment else []
            spans.append(RowSpan(len(ids), len(ids) + len(new), path, row.tail))
            ids += new
            wanted += range(len(ids) - 1 - len(item.draft), len(ids))
            positions += range(first, first + len(new))
            adapters += [row.adapter if at >= row.activation else None for at in range(first, first + len(new))]
        self._plan.set(adapters, like=self._like)
        hidden = self._forward.hidden(
            torch.tensor(ids, device=device),
            torch.tensor(positions, device=device),
            Step(spans, device),
            end=max(positions) + 1,
        )
        if len(wanted) < len(ids):
            hidden = hidden[torch.tensor(wanted, device=device)]
        return list(torch.split(self._forward.logits(hidden), [1 + len(item.draft) for item in work]))


class _Transformers:
    """The base as transformers computes it, with our attention and our adapters in it."""

    def __init__(self, base: Base, plan: LoraPlan) -> None:
        self._model = base.model
        self._model.set_attn_implementation(attention.NAME)
        wrap_linears(self._model, base.linears, plan)
        self._logits_scaling = float(getattr(self._model.config, "logits_scaling", 1.0))

    def hidden(self, ids: Tensor, positions: Tensor, step: Step, *, end: int) -> Tensor:
        """ids, positions [tokens] -> [tokens, hidden]"""
        out = self._model.base_model(input_ids=ids[None], position_ids=positions[None], use_cache=False, step=step)
        hidden: Tensor = out.last_hidden_state[0]
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        logits: Tensor = self._model.get_output_embeddings()(hidden)
        return logits if self._logits_scaling == 1.0 else logits / self._logits_scaling
