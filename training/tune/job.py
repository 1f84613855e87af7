"""`python -m training tune`: a base and folders of examples -> a new base folder with its card. Called by cli.

Everything is written into a hidden folder and moved into place at the end: a folder without a leading dot is complete.
What the loss was before and after goes into the card: on held-out answers, and on a general text (forgetting).
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from server.catalog.acquire import disk, sources
from server.engine.local.forward.precision import TEXT
from server.errors import BaseError
from server.files import CONFIG_BYTES_MAX, WEIGHTS_BYTES_MAX, copy_regular, read_regular, sha256_of
from server.folders import replace_folder
from server.text.finder import Encoder
from server.text.prompt import PromptLayout
from training import lock
from training.dataset.examples import SPLITS, Examples
from training.dataset.render import Rendered, Renderer
from training.dataset.search import Search
from training.fit import adapter
from training.tune.card import card
from training.tune.lines import LINE_TOKENS, grouped, whole_pages
from training.tune.loop import OnEvent, Progress, TuneRecipe, Tuning, answer_loss, text_loss
from training.tune.memory import estimate

REPORT = "report.json"
STORED = torch.bfloat16
CHECKPOINT_BYTES_PER_WEIGHT = 12  # the fp32 weight and AdamW's two moments
_COPIED = (
    "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja", "LICENSE",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneJob:
    """One base to be made from `base`: `out` is its folder, `work` keeps the checkpoint of an unfinished run.

    data: folders with pages/<split>/*.md and <split>.jsonl. encoder: of the finder; without it words alone choose the
    passages under a question.
    """

    base: Path
    data: tuple[Path, ...]
    out: Path
    work: Path
    recipe: TuneRecipe
    encoder: Encoder | None = None


@dataclass(frozen=True, slots=True)
class TuneRows:
    """Rendered rows of all folders, and how many did not fit into the base's context."""

    train: tuple[Rendered, ...]
    heldout: tuple[Rendered, ...]
    left_out: int


def tune(job: TuneJob, *, on_event: OnEvent) -> dict[str, Any]:
    """Make the base and return its report. Raises BaseError, DataError, TrainError."""
    if job.out.exists():
        raise BaseError(f"There is already a base {job.out.name}. Name another with --out.", code="base_exists")
    fingerprint, config = lock.base_fingerprint(job.base), read_config(job.base)
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(job.base, local_files_only=True)
    rows = read_rows(job, PromptLayout(tokenizer), context=int(config.max_position_embeddings))
    on_event({"event": "rows", "train": len(rows.train), "heldout": len(rows.heldout), "left_out": rows.left_out})
    longest = max(LINE_TOKENS, *(group.tokens for group in grouped([*rows.train, *rows.heldout])))
    need = estimate(job.base, config, line_tokens=longest, device=adapter.training_device())
    on_event({"event": "memory", "needs": str(need), "bytes": need.total, "available": need.available})
    model = adapter.load_base(job.base, dtype="auto")
    weights = sum(weight.numel() for weight in model.parameters())
    disk.check_room(job.work, weights * CHECKPOINT_BYTES_PER_WEIGHT)
    disk.check_room(job.out, weights * STORED.itemsize)
    ids = tokenizer.encode(TEXT.read_text(encoding="utf-8"))
    with whole_pages(model):
        before = _losses(model, rows.heldout, ids)
        on_event({"event": "before", **before})
        tuning = Tuning(
            model, job.recipe, rows.train, file=job.work / "checkpoint.safetensors",
            key=run_key(fingerprint, job.recipe, rows), recompute=need.recompute, on_event=on_event,
        )  # fmt: skip
        progress = tuning.run()
        round_weights(model)
        after = _losses(model, rows.heldout, ids)
    report = _report(job, rows, progress, fingerprint=fingerprint, before=before, after=after)
    write_base(model, job, report)
    tuning.file.unlink(missing_ok=True)
    seconds = round(progress.seconds, 1)
    on_event({"event": "done", "folder": str(job.out), "seconds": seconds, "before": before, "after": after})
    return report


def read_config(folder: Path) -> Any:
    """The base's config. Raises BaseError (`base_unreadable`, `base_unsupported`) for code of its own, too."""
    try:
        if json.loads(read_regular(folder / "config.json", bytes_max=CONFIG_BYTES_MAX)).get("auto_map"):
            raise BaseError(f"{folder.name} runs code of its own, which is never loaded.", code="base_unsupported")
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise BaseError(f"The base model {folder.name} cannot be read: {error}", code="base_unreadable") from error


def read_rows(job: TuneJob, layout: PromptLayout, *, context: int) -> TuneRows:
    """Every example of every folder, with the passages that the finder puts under its question.

    Raises DataError (`data_missing`, `data_truncated` when more than 2 % do not fit).
    """
    renderer = Renderer(layout, instructions="", context=context, search=Search(job.encoder))
    sets = [Examples(folder.resolve().name, data=folder.resolve().parent) for folder in job.data]
    train, heldout = (
        [(example, one.pages[split][example.page]) for one in sets for example in one.rows[split]] for split in SPLITS
    )
    kept, held = renderer.rows(train), renderer.rows(heldout)
    return TuneRows(tuple(kept), tuple(held), len(train) + len(heldout) - len(kept) - len(held))


def run_key(fingerprint: str, recipe: TuneRecipe, rows: TuneRows) -> str:
    """Names a run by its base, rows and recipe. The minutes are no part: a run may be given more of them."""
    digest = hashlib.sha256(json.dumps([fingerprint, asdict(recipe) | {"minutes": None}]).encode())
    for row in rows.train:
        digest.update(repr((row.prefix, row.suffix, row.answer_at)).encode())
    return digest.hexdigest()


@torch.no_grad()
def round_weights(model: PreTrainedModel) -> None:
    """Round to what is stored, so that what is measured is what is written."""
    for weight in model.parameters():
        weight.copy_(weight.to(STORED))


def write_base(model: PreTrainedModel, job: TuneJob, report: dict[str, Any]) -> None:
    """Weights in bf16, the base's own text files, source.json, report and card: all of it, or nothing at `job.out`."""
    job.out.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{job.out.name}.", dir=job.out.parent))
    try:
        model.to(STORED).save_pretrained(made)
        for name in _COPIED:
            if (job.base / name).is_file():
                copy_regular(job.base / name, made / name, bytes_max=WEIGHTS_BYTES_MAX)
        (made / REPORT).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        (made / "README.md").write_text(card(report), encoding="utf-8")
        sources.write_note(made, sources.SourceNote(
            kind="tuned", origin=job.base.name, version=report["from"], licence=report["licence"],
            sha256={file.name: sha256_of(file) for file in sorted(made.iterdir())},
        ))  # fmt: skip
        for file in made.iterdir():
            file.chmod(0o644)
        made.chmod(0o755)
        replace_folder(made, job.out)
    except OSError as error:
        raise disk.as_refusal(error, job.out.parent) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _losses(model: PreTrainedModel, rows: Sequence[Rendered], ids: Sequence[int]) -> dict[str, float]:
    """Nats per token of held-out answers and of the general text."""
    return {"heldout": round(answer_loss(model, rows), 4), "general": round(text_loss(model, ids), 4)}


def _report(
    job: TuneJob, rows: TuneRows, progress: Progress, *,
    fingerprint: str, before: dict[str, float], after: dict[str, float],
) -> dict[str, Any]:  # fmt: skip
    note = sources.read_note(job.base)
    return {
        "name": job.out.name, "base": job.base.name, "from": fingerprint,
        "licence": note.licence if note else "unknown", "recipe": asdict(job.recipe),
        "data": [folder.resolve().name for folder in job.data],
        "rows": {
            "train": len(rows.train), "heldout": len(rows.heldout), "left_out": rows.left_out, "seen": progress.rows,
            "pages": len({row.prefix[: row.page_tokens] for row in rows.train}),
        },
        "steps": progress.step, "tokens": progress.tokens, "minutes": round(progress.seconds / 60, 1),
        "finder": "encoder" if job.encoder is not None else "words",
        "loss": {name: {"before": before[name], "after": after[name]} for name in before},
        "losses": progress.losses, "versions": lock.versions(),
    }  # fmt: skip
