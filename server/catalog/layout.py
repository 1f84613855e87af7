"""Where the files of copilots lie below a root: the project's adapters/, or the user's copilots/.

<category>/category.toml                name, instructions and checks that all its copilots inherit
<category>/pages/{train,heldout}/*.md   pages, shared by its copilots
<category>/_adapters/<base>/            the adapter of the category; a plain variant of one in _plain/<base>/
<category>/<copilot>/                   copilot.toml, train.jsonl, heldout.jsonl
<category>/<copilot>/_adapters/<base>/  the copilot's own adapter

`general` and `finder` are laid out the same without a copilot. Called by catalog, cli, training. Reads names only.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from server.errors import CopilotError

ADAPTERS = "_adapters"
PLAIN = "_plain"  # variants that act on the page too, for engines that know no activated ones
PAGES = "pages"
GENERAL = "general"  # the general adapter and its examples
FINDER = "finder"  # what was trained for the finder's encoder
_RESERVED = frozenset({GENERAL, FINDER, PAGES})
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_DEVICE_NAMES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})


def adapter_folder(root: Path, owner: str, base: str, *, plain: bool = False) -> Path:
    """`owner`: a copilot's id, a category, `general` or `finder`."""
    return root / owner / (PLAIN if plain else ADAPTERS) / base


def pages_folder(root: Path, owner: str) -> Path:
    """The pages of a copilot are those of its category."""
    return root / owner.partition("/")[0] / PAGES


def user_root(user_dir: Path) -> Path:
    """The root of the user's own copilots."""
    return user_dir / "copilots"


def copilot_folders(root: Path) -> Iterator[Path]:
    """Each <category>/<copilot> below the root, bad names and links included: whoever reads them refuses those."""
    for category in _folders(root):
        if category.name not in _RESERVED:
            yield from (folder for folder in _folders(category) if folder.name != PAGES)


def split_id(copilot_id: str) -> tuple[str, str]:
    """Category and name. Raises CopilotError (`copilot_refused`) when one of them is not allowed."""
    category, _, name = copilot_id.partition("/")
    for part in (category, name):
        if not _NAME.fullmatch(part) or part in _DEVICE_NAMES:
            raise CopilotError(
                f"The folder name {part!r} is not allowed: use a to z, 0 to 9 and dashes.", code="copilot_refused"
            )
    if category in _RESERVED or name == PAGES:
        raise CopilotError(f"The name {copilot_id!r} is taken by Retinue itself.", code="copilot_refused")
    return category, name


def whole_id(wanted: str, ids: Iterable[str]) -> str:
    """The id among `ids` that a person means: the whole one, or the part after the slash when only one has it.

    Raises CopilotError (`copilot_unknown`, `copilot_ambiguous`).
    """
    known = list(ids)
    matches = [wanted] if wanted in known else [one for one in known if one.rpartition("/")[2] == wanted]
    if not matches:
        raise CopilotError(f"There is no copilot {wanted!r}. `retinue copilots` lists them.")
    if len(matches) > 1:
        raise CopilotError(f"{wanted!r} can mean {' or '.join(matches)}. Use the whole name.", code="copilot_ambiguous")
    return matches[0]


def _folders(root: Path) -> Iterator[Path]:
    if root.is_dir():
        yield from (one for one in sorted(root.iterdir()) if one.is_dir() and not one.name.startswith((".", "_")))
