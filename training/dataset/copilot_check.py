"""`retinue copilots check`: everything that is wrong with the files of copilots, each fault with file and line.

Called by the server's command line. Knows no tokens and no torch.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from server.catalog.copilots import read_texts
from server.catalog.layout import copilot_folders, whole_id
from server.errors import RetinueError
from training.dataset.audit import audit
from training.dataset.examples import SPLITS, Examples


def check_all(roots: Sequence[Path], *, wanted: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Id and faults of each copilot below the roots; a later root wins. Raises CopilotError when none, or
    more than one, is meant."""
    found = {f"{folder.parent.name}/{folder.name}": root for root in roots for folder in copilot_folders(root)}
    chosen = {whole_id(one, found) for one in wanted} or set(found)
    for copilot_id in sorted(chosen):
        yield copilot_id, faults(copilot_id, roots, examples=found[copilot_id])


def faults(copilot_id: str, roots: Sequence[Path], *, examples: Path) -> list[str]:
    """`roots` have its TOML files, `examples` its examples, which it need not have."""
    try:
        copilot = read_texts(copilot_id, list(roots))
        if not any((examples / copilot_id / f"{split}.jsonl").exists() for split in SPLITS):
            return []
        lines = audit(Examples(copilot_id, data=examples), checks=copilot.checks)
    except RetinueError as error:
        return [error.message]
    return [f"{line.name}: {line.value}: {line.wrong}" for line in lines if line.wrong]
