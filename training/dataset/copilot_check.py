"""`retinue copilots check`: everything that is wrong with the files of copilots, each fault with file and line.

Called by the server's command line. Knows no tokens and no torch.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from server.catalog.copilots import read_texts
from server.catalog.layout import copilot_folders
from server.errors import CopilotError, RetinueError
from training.dataset.audit import audit
from training.dataset.examples import SPLITS, Examples


def check_all(roots: Sequence[Path], *, wanted: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Id and faults of each copilot below the roots; a later root wins. Raises CopilotError (`copilot_unknown`)."""
    found = {f"{folder.parent.name}/{folder.name}": root for root in roots for folder in copilot_folders(root)}
    unknown = [one for one in wanted if not any(_is(one, known) for known in found)]
    if unknown:
        raise CopilotError(f"There is no copilot {unknown[0]!r} in {' or '.join(str(root) for root in roots)}.")
    for copilot_id, root in sorted(found.items()):
        if not wanted or any(_is(one, copilot_id) for one in wanted):
            yield copilot_id, faults(copilot_id, roots, examples=root)


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


def _is(wanted: str, copilot_id: str) -> bool:
    return wanted in (copilot_id, copilot_id.partition("/")[2])
