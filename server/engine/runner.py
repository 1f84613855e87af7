"""One step of the model: packs the planned tokens of all rows, runs the base with each row's adapter, gives logits."""

import torch
from torch import Tensor

from server.engine import attention
from server.engine.attention import RowSpan, Step
from server.engine.kvcache import Tail
from server.engine.loader import Base
from server.engine.lora import LoraPlan, wrap_linears
from server.engine.scheduler import Work


class Runner:
    """Owns the model. Adapter products are added by wrapped linears; base weights stay as loaded."""

    def __init__(self, base: Base) -> None:
        self._model = base.model
        self._plan = LoraPlan()
        self._model.set_attn_implementation(attention.NAME)
        wrap_linears(self._model, base.linears, self._plan)
        head = self._model.get_output_embeddings()
        self._weight: Tensor = head.weight
        self._head = head
        config = self._model.config
        heads = int(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
        dim = int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
        self._kv_shape = (int(config.num_hidden_layers), heads, dim)

    def new_tail(self, capacity: int) -> Tail:
        return Tail(self._kv_shape, capacity=capacity, dtype=self._weight.dtype, device=self._weight.device)

    @torch.inference_mode()
    def step(self, work: list[Work]) -> Tensor:
        """Logits [rows, vocabulary] of each row's last planned token. KV is written but not yet counted in."""
        device = self._weight.device
        ids: list[int] = []
        positions: list[int] = []
        adapters = []
        spans: list[RowSpan] = []
        for item in work:
            row, first, last = item.row, item.row.done, item.row.done + item.count
            assert row.tail is not None  # noqa: S101 - admission gives every row a tail
            row.tail.reserve(item.count)
            path = row.segment.path() if row.segment else []
            spans.append(RowSpan(len(ids), len(ids) + item.count, path, row.tail))
            ids += row.ids[first:last]
            positions += range(first, last)
            adapters += [row.adapter if at >= row.activation else None for at in range(first, last)]
        self._plan.set(adapters, like=self._weight)
        hidden = self._model.base_model(
            input_ids=torch.tensor([ids], device=device),
            position_ids=torch.tensor([positions], device=device),
            use_cache=False,
            step=Step(spans, device),
        ).last_hidden_state
        ends = torch.tensor([span.end - 1 for span in spans], device=device)
        logits: Tensor = self._head(hidden[0, ends])
        return logits
