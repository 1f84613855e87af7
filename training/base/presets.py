"""The sizes in which a base can be made. `tiny` for tests, `cpu` for two cores, `gpu` for one H100."""

import math
from dataclasses import dataclass, replace

from server.errors import DataError

CHARS_PER_TOKEN = 3.6
GOING_ON_RATE = 0.7  # of the rates from random weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of the run: text first, then short pages and the shortest questions, on which looking up is learned."""

    name: str
    share: float  # of the run
    chars: tuple[int, int]  # shortest and longest page
    room: int  # tokens of questions beside a page, at least
    entries: float  # share of branches that are a word and its place
    pointers: float  # share of made questions that ask for a block's number only
    typed: float  # share of made questions as people type them: some words in any order, partly near ones
    clauses: float  # share of pages cut into numbered clauses, one sentence a block
    page_weight: (
        float  # of the loss on page text beside that on answers; from random weights, answers alone teach little
    )
    joined: bool = False  # neighbours of one source make one page, as few pages of the corpus are long

    @property
    def row_tokens(self) -> int:
        """About how long a page with its questions is."""
        shortest, longest = self.chars
        mean = (longest - shortest) / math.log(longest / shortest)
        return int(max(1.5 * mean / CHARS_PER_TOKEN, mean / CHARS_PER_TOKEN + self.room))


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
    batch_tokens: int
    tokens: int  # budget of a run; one with a larger budget goes on from before the decay
    matrix_lr: float  # Muon, for weight matrices
    other_lr: float  # AdamW, for embeddings and norms
    decay_share: float  # last part of the run, in which the rate falls to zero
    prose_share: float  # rows from plain prose, the rest from pages with questions
    stages: tuple[Stage, ...]

    @property
    def page_chars(self) -> int:
        """Longest page in training."""
        return self.stages[-1].chars[1]

    @property
    def shape(self) -> dict[str, int]:
        """The model's sizes, named as in its config.json. A run goes on only from weights of the same."""
        return {
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "intermediate_size": self.intermediate,
            "max_position_embeddings": self.context,
        }

    def going_on(self) -> "Preset":
        """For weights that look words up already: whole questions only, larger batches, lower rates."""
        kept = [stage for stage in self.stages if stage.name in ("short pages", "long pages")]
        whole = sum(stage.share for stage in kept)
        return replace(
            self,
            stages=tuple(replace(stage, share=stage.share / whole) for stage in kept),
            batch_tokens=2 * self.batch_tokens,
            matrix_lr=GOING_ON_RATE * self.matrix_lr,
            other_lr=GOING_ON_RATE * self.other_lr,
        )


def _stages(chars: int, shares: tuple[float, float, float, float] = (0.4, 0.1, 0.15, 0.35)) -> tuple[Stage, ...]:
    short, middle = (min(300, chars // 2), min(1_200, chars)), (min(300, chars // 2), min(2_500, chars))
    long = (min(600, chars // 2), chars)
    text, words, short_pages, long_pages = shares
    return (
        Stage(name="text", share=text, chars=middle, room=100, entries=0.3, pointers=0.3, typed=0.1, clauses=0.15,
              page_weight=1.0),
        Stage(name="words", share=words, chars=short, room=400, entries=0.7, pointers=0.5, typed=0.2, clauses=0.3,
              page_weight=0.3),
        Stage(name="short pages", share=short_pages, chars=middle, room=400, entries=0.3, pointers=0.3, typed=0.5,
              clauses=0.3, page_weight=0.3),
        Stage(name="long pages", share=long_pages, chars=long, room=400, entries=0.1, pointers=0.1, typed=0.5,
              clauses=0.35, page_weight=0.3, joined=True),
    )  # fmt: skip


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
        batch_tokens=1024,
        tokens=20_000,
        matrix_lr=0.02,
        other_lr=3e-3,
        decay_share=0.3,
        prose_share=0.35,
        stages=_stages(700),
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
        batch_tokens=4096,
        tokens=25_000_000,
        matrix_lr=0.015,
        other_lr=3e-3,
        decay_share=0.35,
        prose_share=0.35,
        stages=_stages(7_000),
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
        batch_tokens=65_536,
        tokens=400_000_000,
        matrix_lr=0.02,
        other_lr=3e-3,
        decay_share=0.35,
        prose_share=0.35,
        stages=_stages(10_000, (0.35, 0.05, 0.15, 0.45)),
    ),
}


def preset(name: str) -> Preset:
    if name not in PRESETS:
        raise DataError(f"There is no preset {name!r}. Choose one of: {', '.join(PRESETS)}.", code="data_preset")
    return PRESETS[name]
