"""`retinue copilots check`: everything that is wrong with the files of copilots, each fault with file and line.

Called by the server's command line. Knows no tokens and no torch.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from server.catalog.copilots import GENERALIST, read_texts
from server.catalog.layout import copilot_folders, pages_folder, whole_id
from server.catalog.panels import unknown_members
from server.errors import RetinueError
from training.dataset.audit import audit
from training.dataset.examples import SPLITS, Examples, Pages, read_pages


def check_all(
    roots: Sequence[Path], *, wanted: Sequence[str], installed: Sequence[Path] = ()
) -> Iterator[tuple[str, list[str]]]:
    """Id and faults of each copilot below the roots; a later root wins. Then the categories whose panel has a fault: it
    may name copilots of the `installed` roots, too. Raises CopilotError when none, or more than one, is meant."""
    found = _found(roots)
    chosen = {whole_id(one, found) for one in wanted} or set(found)
    for copilot_id in sorted(chosen):
        yield copilot_id, faults(copilot_id, roots, examples=found[copilot_id])
    known = {GENERALIST, *found, *_found(installed)}
    for category in sorted({copilot_id.partition("/")[0] for copilot_id in chosen}):
        wrong = unknown_members(category, roots, known=known)
        if wrong:
            yield category, wrong


def _found(roots: Sequence[Path]) -> dict[str, Path]:
    return {f"{folder.parent.name}/{folder.name}": root for root in roots for folder in copilot_folders(root)}


def faults(copilot_id: str, roots: Sequence[Path], *, examples: Path) -> list[str]:
    """`roots` have its TOML files, `examples` its examples, which it need not have."""
    try:
        copilot = read_texts(copilot_id, list(roots))
        if not any((examples / copilot_id / f"{split}.jsonl").exists() for split in SPLITS):
            return []
        pages = _pages_of(pages_folder(examples, copilot_id))
        lines = audit(Examples(copilot_id, data=examples, pages=pages), checks=copilot.checks)
    except RetinueError as error:
        return [error.message]
    return [f"{line.name}: {line.value}: {line.wrong}" for line in lines if line.wrong]


@lru_cache(maxsize=1)  # the copilots of a category come one after the other
def _pages_of(folder: Path) -> Pages:
    return {split: read_pages(folder / split) for split in SPLITS}
