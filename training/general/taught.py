"""The copilots' examples, as the general adapter sees them: after their instructions, some without. Called by run.

So that it answers in every copilot's form, and so that what one copilot's examples teach serves all.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from server.catalog.copilots import Copilot
from server.text.checks.form import HasForm, form_of
from training.dataset.examples import Example, Examples, Pages
from training.dataset.render import Rendered, Renderer
from training.general.rows import Own

PLAIN_SHARE = 0.3  # of the examples that a generalist would answer the same, those asked without instructions
_PLAIN_FORMS = frozenset({"fact", "summary"})


class Taught:
    """`train`: every training example. Raises DataError."""

    def __init__(self, copilots: Sequence[Copilot], *, data: Path, plain: Renderer) -> None:
        self._plain, self._pages = plain, dict[str, Pages]()
        self.train: list[Own] = []
        self._heldout: list[Own] = []
        for copilot in copilots:
            examples = Examples(copilot.id, data=data, pages=self._pages.get(copilot.category))
            self._pages[copilot.category] = examples.pages
            renderer = plain.after(copilot.instructions)
            self.train += self._owned(copilot, examples, renderer)
            held = examples.pages["heldout"]
            self._heldout += [Own(example, held[example.page], renderer) for example in examples.rows["heldout"]]

    def some_held_out(self, count: int) -> list[Rendered]:
        """A fixed sample of the copilots' held-out examples."""
        chosen = sorted(self._heldout, key=lambda each: _number(each.example))[:count]
        rows = (each.renderer.row(each.example, each.page) for each in chosen)
        return [row for row in rows if row is not None]

    def _owned(self, copilot: Copilot, examples: Examples, renderer: Renderer) -> Iterator[Own]:
        closing = any(isinstance(check, HasForm) and check.closing for check in copilot.checks)
        for example in examples.rows["train"]:
            plain = not closing and _number(example) < PLAIN_SHARE and _is_plain(example)
            yield Own(example, examples.pages["train"][example.page], self._plain if plain else renderer)


def _is_plain(example: Example) -> bool:
    return example.kind == "abstain" or form_of(example.answer) in _PLAIN_FORMS


def _number(example: Example) -> float:
    """0 to 1, for an example the same each time."""
    digest = hashlib.sha256(f"{example.page} {example.question}".encode()).digest()
    return int.from_bytes(digest[:4]) / 2**32
