"""The sizes in which a base can be made. `tiny` for tests, `cpu` for two cores, `gpu` for one H100."""

from dataclasses import dataclass

from server.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    vocabulary: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    context: int  # positions that the config promises
    row_tokens: int  # longest training row
    batch_tokens: int
    tokens: int  # budget of a run; a later run goes on from the checkpoint
    matrix_lr: float  # Muon, for weight matrices
    other_lr: float  # AdamW, for embeddings and norms
    decay_share: float  # last part of the run: rate falls to zero and only answers count
    prose_share: float  # rows from plain prose, the rest from pages with questions
    long_share: float  # rows of twice the length
    short_share: float  # first part of the run: short pages with many quotations, on which copying is learned fastest


PRESETS = {
    "tiny": Preset(
        vocabulary=512,
        hidden=64,
        layers=2,
        heads=2,
        kv_heads=1,
        head_dim=32,
        intermediate=128,
        context=1024,
        row_tokens=256,
        batch_tokens=1024,
        tokens=20_000,
        matrix_lr=0.02,
        other_lr=3e-3,
        decay_share=0.3,
        prose_share=0.2,
        long_share=0.06,
        short_share=0.5,
    ),
    "cpu": Preset(
        vocabulary=8192,
        hidden=384,
        layers=8,
        heads=6,
        kv_heads=2,
        head_dim=64,
        intermediate=1024,
        context=4096,
        row_tokens=1200,
        batch_tokens=4096,
        tokens=25_000_000,
        matrix_lr=0.015,
        other_lr=3e-3,
        decay_share=0.35,
        prose_share=0.2,
        long_share=0.12,
        short_share=0.4,
    ),
    "gpu": Preset(
        vocabulary=8192,
        hidden=512,
        layers=9,
        heads=8,
        kv_heads=2,
        head_dim=64,
        intermediate=1408,
        context=4096,
        row_tokens=2048,
        batch_tokens=65_536,
        tokens=250_000_000,
        matrix_lr=0.02,
        other_lr=3e-3,
        decay_share=0.35,
        prose_share=0.35,
        long_share=0.1,
        short_share=0.5,
    ),
}


def preset(name: str) -> Preset:
    if name not in PRESETS:
        raise DataError(f"There is no preset {name!r}. Choose one of: {', '.join(PRESETS)}.", code="data_preset")
    return PRESETS[name]
