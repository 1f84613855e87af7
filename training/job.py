"""One adapter to be made: whose it is, from what, and where it goes. Made by plan, run by make. Knows no torch."""

import hashlib
import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from server.catalog.bases import EncoderFiles
from server.catalog.copilots import Copilot
from server.catalog.layout import GENERAL, PAGES, pages_folder
from server.catalog.locks import alone
from server.errors import TrainError
from server.files import ADAPTER_WEIGHTS, sha256_of
from server.settings import load_settings
from training import lock
from training.recipe import Recipe

_READ = frozenset({"train.jsonl", "heldout.jsonl"})


def alone_in(work: Path) -> AbstractContextManager[None]:
    """`work` has the checkpoint of one training. Raises TrainError (`train_running`)."""
    running = "This training runs already in another process. Wait until it is done, or end that one."
    return alone(work, refusal=TrainError(running, code="train_running"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """`copilots`: the one whose own adapter it is, or all of a category for a domain adapter. `out` is the adapter's
    folder, `work` keeps the checkpoint of an unfinished run.
    """

    copilots: tuple[Copilot, ...]
    base: Path
    recipe: Recipe
    out: Path
    work: Path
    data: Path  # the root of all examples: adapters/
    domain: str = ""  # the category whose adapter it is
    others: tuple[Copilot, ...] = ()  # a few, on whose held-out examples forgetting is measured
    corrections: tuple[Path, ...] = ()  # folders of the user's own examples, added to the copilot's
    start: Path | None = None  # the adapter to start from, mostly the general one; None: a fresh one
    encoder: EncoderFiles | None = None  # the finder's; without it passages are found by words alone
    strict: bool = False  # it starts from a domain adapter and ships only when its checks rise beyond doubt
    heldout_max: int = 0  # measure on so many held-out examples of each copilot at most; 0: on all
    plain: bool = False  # a variant that acts on the page too, for engines that know no activated adapters
    own: bool = False  # the adapter is the user's: the one in use is kept, or stays when the new one gains nothing

    def alone(self) -> AbstractContextManager[None]:
        """No other run writes this checkpoint meanwhile. Raises TrainError (`train_running`)."""
        return alone_in(self.work)

    @property
    def owner(self) -> str:
        """The category of a domain adapter, else the copilot's id."""
        return self.domain or self.copilots[0].id

    @property
    def general_folder(self) -> Path:
        """The folder `general` of the same root; the one that ships when there is none."""
        own = self.data / GENERAL
        return own if own.is_dir() else load_settings().adapters_dir / GENERAL

    @property
    def instructions(self) -> str:
        """What the copilot says of itself; of several, each under its id."""
        if not self.domain:
            return self.copilots[0].instructions
        return json.dumps({copilot.id: copilot.instructions for copilot in self.copilots}, sort_keys=True)

    @property
    def key(self) -> str:
        """Equal keys make equal adapters."""
        start = {"start": sha256_of(self.start / ADAPTER_WEIGHTS)} if self.start else {}
        checks = [check for copilot in self.copilots for check in copilot.checks]
        kind = {"kind": "plain"} if self.plain else {}
        return lock.run_key(
            data=self.digests | start | kind, instructions=self.instructions, checks=checks,
            base=lock.base_fingerprint(self.base), recipe=self.recipe,
        )  # fmt: skip

    @property
    def digests(self) -> dict[str, str]:
        """sha256 of every file of examples and of every page that the run reads, by short path."""
        found: dict[str, str] = {}
        for copilot in self.copilots:
            pages = pages_folder(self.data, copilot.id)
            for name, digest in lock.data_digests(self.data / copilot.id, pages=pages).items():
                shared = name.startswith("pages/") or not self.domain
                found[name if shared else f"{copilot.id.partition('/')[2]}/{name}"] = digest
        replayed = self.general_folder / "train.jsonl"
        if self.recipe.replay_share and replayed.is_file():
            found["replayed"] = sha256_of(replayed)
        for place, folder in enumerate(self.corrections):
            own = lock.data_digests(folder, pages=folder / PAGES)
            name = "corrections" if place == 0 else f"corrections-{place}"
            found |= {f"{name}/{file}": digest for file, digest in own.items() if file in _READ}
            read = {file: digest for file, digest in own.items() if "/" in file}
            # one for all: there can be hundreds, and lock.json is small
            found[f"{name}/pages"] = hashlib.sha256(json.dumps(read).encode()).hexdigest()
        return found

    @property
    def up_to_date(self) -> bool:
        """The adapter in place was of the same data, base, recipe and instructions, and its weights are whole."""
        found = lock.read_lock(self.out)
        weights = self.out / ADAPTER_WEIGHTS
        if found is None or found.get("key") != self.key or not weights.exists():
            return False
        return found.get("weights_sha256") == sha256_of(weights)
