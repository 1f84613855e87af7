"""Plans a run: gathers from settings, copilots and bases what one job needs. Called by cli; the runs import torch."""

from pathlib import Path
from typing import TYPE_CHECKING

from server.catalog.bases import find_encoder
from server.catalog.copilots import Copilot, Copilots
from server.catalog.layout import FINDER, GENERAL, adapter_folder, user_root
from server.errors import BaseError, DataError
from server.files import TEXT_BYTES_MAX, open_regular
from server.settings import Settings, load_settings
from training.dataset.corrections import prepare_kept
from training.job import Job
from training.recipe import default_recipe, read_recipe

FINDER_MINUTES = 30.0
GENERAL_ROWS, UNTUNED_OF_EACH, UNTUNED_ROWS = 120, 3, 6  # on which the general adapter is calibrated
OWN_EXAMPLES_MIN = 200  # with fewer a copilot has the adapter of its category

if TYPE_CHECKING:
    from training.calibrate import Calibration
    from training.finder.run import FinderJob
    from training.general.run import GeneralJob


def job(
    owner: str, *, base: str, recipe: Path | None, data: Path | None, out: Path | None,
    own: bool = False, with_corrections: bool = False, heldout_max: int = 0, plain: bool = False,
) -> Job:  # fmt: skip
    """Everything that one run needs; `owner` is a category, or a copilot by its id or short name. Raises BaseError,
    DataError, CopilotError.
    """
    from platformdirs import user_cache_path

    settings = load_settings()
    folder = find_base(base or settings.base, places=(settings.bases_dir,))
    data = data or settings.adapters_dir
    domain = copilots_of(owner, data)
    copilots = domain or (find_copilot(owner),)
    name = owner if domain else copilots[0].id
    root = user_root(settings.user_dir) if own else settings.adapters_dir
    general = shared_adapter(settings, GENERAL, folder)
    start = general if domain else shared_adapter(settings, copilots[0].category, folder) or general
    return Job(
        copilots=copilots, domain=name if domain else "", base=folder,
        recipe=read_recipe(recipe or default_recipe(folder)),
        out=(out or adapter_folder(root, name, folder.name, plain=plain)).resolve(), plain=plain,
        work=user_cache_path("retinue") / "training" / name / (folder.name + ".plain" * plain), data=data,
        corrections=prepare_kept(settings.user_dir, name) if with_corrections else (), own=own,
        start=start, strict=not own and start != general, encoder=find_encoder(settings),
        others=others_with_examples(data, name), heldout_max=heldout_max,
    )  # fmt: skip


def calibration(owner: str, *, base: str, data: Path | None, heldout_max: int) -> "Calibration":
    """Of the adapter of a category or a copilot, or of the general one with a few copilots of each category that has
    no adapter. Raises BaseError, CopilotError.
    """
    from training.calibrate import Calibration

    settings = load_settings()
    folder = find_base(base or settings.base, places=(settings.bases_dir,))
    data = data or settings.adapters_dir
    general = owner == GENERAL
    copilots = _untuned(settings, data, folder) if general else copilots_of(owner, data) or (find_copilot(owner),)
    name = owner if general or copilots_of(owner, data) else copilots[0].id
    return Calibration(
        folder=adapter_folder(settings.adapters_dir, name, folder.name), base=folder, data=data,
        encoder=find_encoder(settings), copilots=copilots, general=GENERAL_ROWS if general else 0,
        heldout_max=heldout_max or (UNTUNED_ROWS if general else 0),
    )  # fmt: skip


def _untuned(settings: Settings, data: Path, base: Path) -> tuple[Copilot, ...]:
    """Some copilots of each category without an adapter, evenly over its list."""
    categories: dict[str, list[Copilot]] = {}
    for copilot in with_examples(data):
        categories.setdefault(copilot.category, []).append(copilot)
    return tuple(
        copilot
        for category, found in categories.items()
        if shared_adapter(settings, category, base) is None
        for copilot in found[:: max(1, len(found) // UNTUNED_OF_EACH)][:UNTUNED_OF_EACH]
    )


def general_job(
    *, base: str, recipe: Path | None, data: Path | None, out: Path | None, corpus: Path | None, rows: int,
    start: Path | None,
) -> "GeneralJob":  # fmt: skip
    """Raises BaseError, DataError (`data_missing` without a corpus)."""
    from platformdirs import user_cache_path

    from training.general.run import GeneralJob

    if corpus is None:
        raise DataError("The general adapter is made from a corpus: --corpus DIR.", code="data_missing")
    settings = load_settings()
    folder = find_base(base or settings.base, places=(settings.bases_dir,))
    return GeneralJob(
        base=folder, encoder=find_encoder(settings), corpus=corpus, rows=rows, start=start,
        data=data or settings.adapters_dir, copilots=with_examples(data or settings.adapters_dir),
        out=(out or adapter_folder(settings.adapters_dir, GENERAL, folder.name)).resolve(),
        work=user_cache_path("retinue") / "training" / GENERAL / folder.name,
        recipe=read_recipe(recipe or default_recipe(folder)),
    )  # fmt: skip


def finder_job(*, data: Path | None, out: Path | None, corpus: Path | None, minutes: float | None) -> "FinderJob":
    """Raises BaseError (`encoder_missing`), DataError (`data_missing` without a corpus)."""
    from training.finder.run import FinderJob

    if corpus is None:
        raise DataError("The finder's adapter is made from a corpus: --corpus DIR.", code="data_missing")
    settings = load_settings()
    found = find_encoder(settings)
    if found is None:
        raise BaseError("The finder's encoder is not here yet: `retinue bases pull`.", code="encoder_missing")
    out = (out or adapter_folder(settings.adapters_dir, FINDER, found.folder.name)).resolve()
    return FinderJob(
        encoder=found.folder, corpus=corpus, data=data or settings.adapters_dir, out=out,
        minutes=FINDER_MINUTES if minutes is None else minutes,
    )  # fmt: skip


def shared_adapter(settings: Settings, owner: str, base: Path) -> Path | None:
    """The adapter of a category, or the general one, for this very base; None where there is none."""
    from training import lock

    folder = adapter_folder(settings.adapters_dir, owner, base.name)
    found = lock.read_lock(folder)
    return folder if found is not None and found.get("base_fingerprint") == lock.base_fingerprint(base) else None


def find_copilot(name: str) -> Copilot:
    """Raises CopilotError."""
    return _all_copilots().get(name)


def copilots_of(category: str, data: Path) -> tuple[Copilot, ...]:
    """The copilots of a category that can be read and have examples; none when there is no such category."""
    return tuple(copilot for copilot in with_examples(data) if copilot.category == category)


def with_examples(data: Path) -> tuple[Copilot, ...]:
    """Every copilot that can be read and has examples."""
    return tuple(
        copilot for copilot in _all_copilots().all() if copilot.usable and (data / copilot.id / "train.jsonl").is_file()
    )


def others_with_examples(data: Path, owner: str) -> tuple[Copilot, ...]:
    """A few copilots that can be read and have held-out examples, and that are not the owner or of the owner."""
    from training.measure.probes import some_others

    found = {
        copilot.id: copilot
        for copilot in _all_copilots().all()
        if copilot.usable and copilot.category != owner and (data / copilot.id / "heldout.jsonl").is_file()
    }
    return tuple(found[other] for other in some_others(found, owner))


def owners(data: Path) -> list[str]:
    """Every category with examples, each followed by its copilots that have enough for an adapter of their own."""
    found: list[str] = []
    known = {copilot.id for copilot in _all_copilots().all() if copilot.usable}
    for file in sorted(data.glob("*/*/train.jsonl")):
        category, name = file.parts[-3:-1]
        found += [] if category in found else [category]
        with open_regular(file, bytes_max=TEXT_BYTES_MAX) as lines:
            many = sum(1 for _ in lines) >= OWN_EXAMPLES_MIN
        if many or f"{category}/{name}" not in known:  # what is not known is refused by its name
            found.append(f"{category}/{name}")
    return found


def _all_copilots() -> Copilots:
    settings = load_settings()
    return Copilots(adapters_dir=settings.adapters_dir, user_dir=settings.user_dir)


def find_base(name: str, *, places: tuple[Path, ...]) -> Path:
    """A folder with a config.json by its path or, in `places`, by its name. Raises BaseError (`base_missing`)."""
    for folder in (Path(name), *(place / name for place in places)):
        if (folder / "config.json").is_file():
            return folder.resolve()
    raise BaseError(f"There is no base model {name!r}. `retinue bases` lists those that are here.")
