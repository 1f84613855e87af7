"""The kernels behind `_over`, each against attention written out: same result, same log-sum-exp."""

import pytest
import torch
from torch import Tensor

from server.engine.local.forward import attention

HEADS, GROUP, DIM = 2, 3, 16
SCALE = DIM**-0.5
KERNELS = {"fused": (10**9, 1), "products": (0, 2**19), "products, eight tokens at a time": (0, 1)}


def written_out(query: Tensor, key: Tensor, value: Tensor, *, causal: bool) -> tuple[Tensor, Tensor]:
    scores = torch.einsum("tkgd,ksd->tkgs", query.double(), key.double()) * SCALE
    if causal:
        tokens, keys = len(query), key.shape[1]
        ahead = torch.arange(keys)[None] > torch.arange(keys - tokens, keys)[:, None]
        scores = scores.masked_fill(ahead[:, None, None], float("-inf"))
    return torch.einsum("tkgs,ksd->tkgd", scores.softmax(-1), value.double()), scores.logsumexp(-1)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("tokens", "earlier"), [(1, 0), (2, 0), (9, 30), (40, 0), (37, 101)])
def test_every_kernel_computes_attention(
    monkeypatch: pytest.MonkeyPatch, kernel: str, causal: bool, tokens: int, earlier: int
) -> None:
    least, most = KERNELS[kernel]
    monkeypatch.setattr(attention, "PRODUCTS_SCORES_MIN", least)
    monkeypatch.setattr(attention, "PRODUCTS_SCORES_MAX", most)
    generator = torch.Generator().manual_seed(tokens)
    query = torch.randn(tokens, HEADS, GROUP, DIM, generator=generator)
    key, value = torch.randn(2, HEADS, earlier + tokens, DIM, generator=generator)
    mask = torch.full((tokens, tokens), float("-inf")).triu_(1) if causal else None

    out, lse = attention._over(query, key, value, scale=SCALE, mask=mask)

    expected, expected_lse = written_out(query, key, value, causal=causal)
    torch.testing.assert_close(out.double(), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(lse.double(), expected_lse, rtol=1e-5, atol=1e-5)


def test_only_long_pages_take_the_products(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(attention, "_products", refuse)
    query, page = torch.randn(8, HEADS, GROUP, DIM), torch.randn(HEADS, 2_000, DIM)

    attention._over(query, page[:, :100], page[:, :100], scale=SCALE, mask=None)
    with pytest.raises(AssertionError):
        attention._over(query, page, page, scale=SCALE, mask=None)
