"""The panel that a category proposes: copilots that answer one question together. Called by copilots and copilot_check.

A panel may name copilots of any category. One that is not there is left out, and the check of the files names it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from server.catalog.copilot_files import CATEGORY_FILE, category_file, line_of, read_category
from server.errors import CopilotError
from server.files import SMALL_BYTES_MAX, read_regular_text
from server.protocol import PANEL_MIN


@dataclass(frozen=True, slots=True)
class Panel:
    """`copilots`: ids, in the order in which they answer."""

    category: str
    category_name: str
    icon: str
    copilots: tuple[str, ...]


def read_panels(categories: Iterable[str], roots: Sequence[Path], *, usable: Collection[str]) -> list[Panel]:
    """In the order of the categories' names. A file that cannot be read proposes none; its copilots say why."""
    return list(_panels(categories, roots, frozenset(usable)))


def _panels(categories: Iterable[str], roots: Sequence[Path], usable: frozenset[str]) -> Iterator[Panel]:
    for category in sorted(categories):
        try:
            file = read_category(category, roots, owner=category)
        except CopilotError:
            continue
        there = tuple(copilot for copilot in file.panel or () if copilot in usable)
        if len(there) >= PANEL_MIN:
            yield Panel(category, file.name, file.icon, there)


def unknown_members(category: str, roots: Sequence[Path], *, known: Collection[str]) -> list[str]:
    """A sentence for each copilot of the category's panel that is not there, with file and line."""
    try:
        panel = read_category(category, roots, owner=category).panel or ()
    except CopilotError:
        return []  # each of its copilots names that fault
    missing = [copilot for copilot in panel if copilot not in known]
    found = category_file(category, roots)
    if not missing or found is None:
        return []
    line = line_of("panel", read_regular_text(found[0], bytes_max=SMALL_BYTES_MAX, inside=found[1]))
    return [f"{category}: {CATEGORY_FILE}{line}: panel: there is no copilot {copilot!r}." for copilot in missing]
