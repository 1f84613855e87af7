"""Bases of the hub that Retinue answers well with, for the sidebar's list. Called by the engine's desk.

Sizes are about what the weights take; what a download really costs is asked of the hub when the user wants one.
"""

from dataclasses import dataclass

from server.catalog.acquire.sources import DEFAULT_BASE, InWheel


@dataclass(frozen=True, slots=True)
class Suggested:
    """`repo`: empty for the default base. `parameters`: about so many."""

    repo: str
    parameters: int
    bytes: int
    licence: str

    @property
    def name(self) -> str:
        return self.repo.partition("/")[2] or DEFAULT_BASE.name


_DEFAULT_BYTES = sum(source.bytes for source in DEFAULT_BASE.files[0].sources if isinstance(source, InWheel))
SUGGESTED = (
    Suggested("", 135_000_000, _DEFAULT_BYTES, DEFAULT_BASE.licence),
    Suggested("HuggingFaceTB/SmolLM2-360M-Instruct", 360_000_000, 725_000_000, "Apache-2.0"),
    Suggested("ibm-granite/granite-4.0-350m", 350_000_000, 705_000_000, "Apache-2.0"),
    Suggested("Qwen/Qwen3-0.6B", 600_000_000, 1_500_000_000, "Apache-2.0"),
    Suggested("Qwen/Qwen3-1.7B", 1_700_000_000, 4_060_000_000, "Apache-2.0"),
)
