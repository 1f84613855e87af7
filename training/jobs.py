"""What one run needs, gathered from settings, copilots and bases. Called by cli; torch is imported by the runs only."""

from pathlib import Path
from typing import TYPE_CHECKING

from server.catalog.bases import find_encoder
from server.catalog.copilots import Copilot, Copilots
from server.catalog.layout import FINDER, GENERAL, adapter_folder, user_root
from server.errors import BaseError, DataError
from server.settings import Settings, load_settings
from training.recipe import default_recipe, read_recipe

FINDER_MINUTES = 30.0

if TYPE_CHECKING:
    from training.finder.run import FinderJob
    from training.general.run import GeneralJob
    from training.make import Job


def job(
    copilot: str, *, base: str, recipe: Path | None, data: Path | None, out: Path | None,
    own: bool = False, with_corrections: bool = False,
) -> "Job":  # fmt: skip
    """Everything that one run needs. Raises BaseError, DataError."""
    from platformdirs import user_cache_path

    from training.make import Job

    settings = load_settings()
    folder = find_base(base or settings.base, places=(settings.bases_dir,))
    record = find_copilot(copilot)
    root = user_root(settings.user_dir) if own else settings.adapters_dir
    target = out or adapter_folder(root, record.id, folder.name)
    data = data or settings.adapters_dir
    return Job(
        copilot=record, base=folder, recipe=read_recipe(recipe or default_recipe(folder)), out=target.resolve(),
        work=user_cache_path("retinue") / "training" / record.id / folder.name, data=data,
        corrections=settings.user_dir / "corrections" / record.id if with_corrections else None, own=own,
        start=general_adapter(settings, folder), encoder=find_encoder(settings),
        others=others_with_examples(data, record.id),
    )  # fmt: skip


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
        data=data or settings.adapters_dir,
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


def general_adapter(settings: Settings, base: Path) -> Path | None:
    """The general adapter for this very base, from which a copilot's starts; None where there is none."""
    from training import lock

    folder = adapter_folder(settings.adapters_dir, GENERAL, base.name)
    found = lock.read_lock(folder)
    return folder if found is not None and found.get("base_fingerprint") == lock.base_fingerprint(base) else None


def find_copilot(name: str) -> Copilot:
    """Raises CopilotError."""
    settings = load_settings()
    return Copilots(adapters_dir=settings.adapters_dir, user_dir=settings.user_dir).get(name)


def others_with_examples(data: Path, own: str) -> tuple[Copilot, ...]:
    """A few other copilots that can be read and have held-out examples."""
    from training.measure.probes import some_others

    settings = load_settings()
    known = Copilots(adapters_dir=settings.adapters_dir, user_dir=settings.user_dir)
    found = {
        copilot.id: copilot
        for copilot in known.all()
        if copilot.usable and (data / copilot.id / "heldout.jsonl").is_file()
    }
    return tuple(found[other] for other in some_others(found, own))


def find_base(name: str, *, places: tuple[Path, ...]) -> Path:
    """A folder with a config.json by its path or, in `places`, by its name. Raises BaseError (`base_missing`)."""
    for folder in (Path(name), *(place / name for place in places)):
        if (folder / "config.json").is_file():
            return folder.resolve()
    raise BaseError(f"There is no base model {name!r}. `retinue bases` lists those that are here.")
