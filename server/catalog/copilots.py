"""adapters/ and the user's own folder -> validated copilots. Called by app, session (through `get`), cli and training.

One bad folder never hides the others: it is listed as refused, with the reason. Knows files; tensors are checked by
the `check_adapter` that app passes in, so that this module never imports torch.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from server.catalog import versions
from server.catalog.adapter_files import check_files
from server.catalog.copilot_files import COPILOT_FILE, CategoryFile, CopilotFile, read_category, read_file
from server.catalog.layout import (
    ADAPTERS,
    GENERAL,
    PAGES,
    adapter_folder,
    copilot_folders,
    split_id,
    user_root,
    whole_id,
)
from server.catalog.panels import Panel, read_panels
from server.engine import AdapterRef, BaseInfo
from server.errors import CopilotError, RetinueError
from server.text.checks import CheckSpec
from server.text.checks.quotes import CitesBlock, QuotesVerbatim

CheckAdapter = Callable[[Path, BaseInfo], AdapterRef]
Mode = Literal["tuned", "domain", "general", "instructed", "base"]

GENERALIST = "generalist"
BASE = "base"  # the base model alone, for programs that compare; never in a picker


@dataclass(frozen=True, slots=True)
class Copilot:
    """`refused` says why its adapter is not used; `usable` is False when not even its instructions could be read."""

    id: str
    name: str
    category: str
    category_name: str
    icon: str = ""  # of the category
    promise: str = ""
    instructions: str = ""
    starters: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    checks: tuple[CheckSpec, ...] = ()
    mode: Mode = "instructed"
    adapter: AdapterRef | None = None
    refused: str | None = None
    usable: bool = True
    own: bool = False  # the user has a copilot.toml of this id

    def without_page(self) -> "Copilot":
        """As it answers a question that is about no page: adapters and checks are made for pages."""
        return replace(self, adapter=None, checks=(), mode="instructed" if self.instructions else "base")


_GENERALIST = Copilot(
    id=GENERALIST,
    name="Generalist",
    category="general",
    category_name="General",
    icon="sparkles",
    promise="Answers from the page, with quotes.",
    starters=("What is this page about?", "List the key facts with quotes", "Which dates and prices does it name?"),
    checks=(QuotesVerbatim(), CitesBlock()),
    mode="base",
)


_BASE = Copilot(id=BASE, name="Base model alone", category="general", category_name="General", mode="base")


class Copilots:
    """All copilots for one running base, with its adapters or the `plain` variants of them. `refresh` reads the folders
    again when a file in them changed."""

    def __init__(
        self,
        *,
        adapters_dir: Path,
        user_dir: Path,
        base: BaseInfo | None = None,
        check_adapter: CheckAdapter | None = None,
        adapter_bytes_max: int = 256 * 1024**2,
        plain: bool = False,
    ) -> None:
        self._roots = (adapters_dir, user_root(user_dir))
        self._base = base
        self._check_adapter = check_adapter
        self._adapter_bytes_max, self._plain = adapter_bytes_max, plain
        self._signature: tuple[object, ...] | None = None
        self._all: dict[str, Copilot] = {}
        self._panels: list[Panel] = []

    @property
    def base_name(self) -> str:
        """Of the running base; empty where none runs."""
        return self._base.name if self._base is not None else ""

    def rebase(self, base: BaseInfo, check_adapter: CheckAdapter | None, *, plain: bool = False) -> None:
        """Another base runs: every adapter is looked up anew for it. Slow."""
        self._base, self._check_adapter, self._plain = base, check_adapter, plain
        self.refresh()

    def refresh(self) -> None:
        if self._signature is None:
            versions.clean(self._roots[1])
        # with the base: who read for the former one meanwhile is outdated by it
        signature = (self._base, self._plain, *_stamps(self._roots))
        if signature != self._signature:
            generalist, domains = self._read_generalist(), dict[str, Copilot | None]()
            found = (self._with_shared(copilot, domains, generalist) for copilot in self._read_all())
            self._all = {copilot.id: copilot for copilot in [generalist, *found]}
            usable = [copilot for copilot in self._all.values() if copilot.usable]
            self._panels = read_panels({one.category for one in usable}, self._roots, usable={one.id for one in usable})
            self._signature = signature

    def all(self) -> list[Copilot]:
        if self._signature is None:
            self.refresh()
        return list(self._all.values())

    def get(self, wanted: str) -> Copilot:
        """By id, or by the part after the slash when only one category has it; `base` is the base model alone.

        Raises CopilotError.
        """
        if wanted == BASE:
            return _BASE
        found = {copilot.id: copilot for copilot in self.all()}
        copilot = found[whole_id(wanted, found)]
        if not copilot.usable:
            raise CopilotError(copilot.refused or "This copilot cannot be read.", code="copilot_refused")
        return copilot

    def renewed(self, copilot_id: str) -> Copilot:
        """As `get`, after a look at the folders: some ten milliseconds. Raises CopilotError."""
        self.refresh()
        return self.get(copilot_id)

    def tried(self, copilot_id: str, own: CopilotFile) -> Copilot:
        """As the copilot would answer if `own` were its file. Slow: its adapter is read. Raises CopilotError."""
        roots = list(self._roots)
        category, _ = split_id(copilot_id)
        copilot = combined(copilot_id, own, read_category(category, roots, owner=copilot_id))
        return self._with_shared(self._tuned(copilot, roots), {}, self._read_generalist())

    def panels(self) -> list[Panel]:
        """Those that the categories propose, of copilots that can be asked."""
        self.all()
        return self._panels

    def _read_generalist(self) -> Copilot:
        """With the general adapter for the running base, where there is one. The user's own wins."""
        for root in reversed(self._roots):
            found = self._read_adapter(_GENERALIST, root, GENERAL)
            if found is not None:
                return found if found.adapter is None else replace(found, mode="general")
        return _GENERALIST

    def _with_shared(self, copilot: Copilot, domains: dict[str, Copilot | None], generalist: Copilot) -> Copilot:
        """A copilot without an adapter of its own answers with that of its category, else with the general one; always
        after its own instructions. `domains` has the categories read so far.
        """
        if copilot.adapter is not None or not copilot.usable:
            return copilot
        if copilot.category not in domains:
            domains[copilot.category] = self._read_domain(copilot.category)
        domain = domains[copilot.category]
        if domain is not None and domain.adapter is not None:
            return replace(copilot, adapter=replace(domain.adapter, id=copilot.id), mode="domain")
        refused = copilot.refused or (domain.refused if domain is not None else None)
        if generalist.adapter is None:
            return replace(copilot, refused=refused)
        return replace(copilot, refused=refused, adapter=replace(generalist.adapter, id=copilot.id), mode="general")

    def _read_domain(self, category: str) -> Copilot | None:
        """The category's adapter for the running base, on a copilot that stands for it. The user's own wins."""
        stands = Copilot(category, category, category, category)
        for root in reversed(self._roots):
            found = self._read_adapter(stands, root, category)
            if found is not None:
                return found
        return None

    def _read_all(self) -> Iterator[Copilot]:
        roots: dict[str, list[Path]] = {}  # the user's comes last and wins
        for root in self._roots:
            for folder in copilot_folders(root):
                roots.setdefault(f"{folder.parent.name}/{folder.name}", []).append(root)
        for copilot_id in sorted(roots):
            yield self._read(copilot_id, roots[copilot_id])

    def _read(self, copilot_id: str, roots: list[Path]) -> Copilot:
        category, _, short = copilot_id.partition("/")
        own = self._roots[1] in roots and os.path.lexists(self._roots[1] / copilot_id / COPILOT_FILE)
        try:
            copilot = read_texts(copilot_id, [*(root for root in self._roots if root not in roots), *roots])
        except CopilotError as error:
            return Copilot(copilot_id, short, category, category, refused=error.message, usable=False, own=own)
        return replace(self._tuned(copilot, roots), own=own)

    def _tuned(self, copilot: Copilot, roots: list[Path]) -> Copilot:
        """With its own adapter, the user's before that which ships, where there is one."""
        for root in reversed(roots):
            tuned = self._read_adapter(copilot, root, copilot.id)
            if tuned is not None:
                return tuned
        return copilot

    def _read_adapter(self, copilot: Copilot, root: Path, owner: str) -> Copilot | None:
        """The copilot with the adapter for the running base, or with the reason for refusing it. None: it has none."""
        if self._base is None or self._check_adapter is None:
            return None
        adapter = adapter_folder(root, owner, self._base.name, plain=self._plain)
        if not adapter.exists():
            return _moved(copilot, root / owner / self._base.name)
        try:
            check_files(adapter, bytes_max=self._adapter_bytes_max)
            found = self._check_adapter(adapter, self._base)
        except RetinueError as error:
            return replace(copilot, refused=error.message)
        except Exception as error:  # a broken adapter must not hide 150 good ones
            return replace(copilot, refused=f"The adapter cannot be read ({type(error).__name__}).")
        return replace(copilot, adapter=replace(found, id=copilot.id), mode="tuned")


def read_texts(copilot_id: str, roots: list[Path]) -> Copilot:
    """What the TOML files say of one copilot; files in a later root win. Raises CopilotError (`copilot_refused`)."""
    category, short = split_id(copilot_id)
    files = [(file, root) for root in roots if os.path.lexists(file := root / category / short / COPILOT_FILE)]
    if not files:
        raise CopilotError(f"{copilot_id}: {COPILOT_FILE} is missing.", code="copilot_refused")
    own = read_file(CopilotFile, files[-1][0], root=files[-1][1], owner=copilot_id)
    return combined(copilot_id, own, read_category(category, roots, owner=copilot_id))


def combined(copilot_id: str, own: CopilotFile, shared: CategoryFile) -> Copilot:
    """A copilot of its own file and that of its category."""
    instructions = (text.strip() for text in (shared.instructions, own.instructions))
    return Copilot(
        id=copilot_id,
        name=own.name,
        category=copilot_id.partition("/")[0],
        category_name=shared.name,
        icon=shared.icon,
        promise=own.promise,
        instructions="\n".join(text for text in instructions if text),
        starters=tuple(own.starters),
        hints=tuple(own.hints),
        checks=tuple({check.label: check for check in [*shared.checks, *own.checks]}.values()),
    )


def _moved(copilot: Copilot, old: Path) -> Copilot | None:
    """An adapter where the first layout had it is named, not used. None: there is none."""
    if not (old / "adapter_config.json").is_file():
        return None
    return replace(copilot, refused=f"The adapter lies where an earlier version had it: move it into {ADAPTERS}/.")


def _stamps(roots: tuple[Path, ...]) -> Iterator[tuple[str, int, int]]:
    """Name, time and size of every file and folder that `refresh` depends on, down to the files of an adapter."""
    for root in roots:
        yield from _stamps_below(str(root), depth=5)


def _stamps_below(folder: str, *, depth: int) -> Iterator[tuple[str, int, int]]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name == PAGES or entry.name.startswith("."):  # pages decide nothing; hidden is what is not in use
            continue
        try:
            stat = entry.stat()
        except OSError:
            continue
        yield entry.path, stat.st_mtime_ns, stat.st_size
        if depth > 1 and entry.is_dir():
            yield from _stamps_below(entry.path, depth=depth - 1)
