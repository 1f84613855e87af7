"""The model hub as two calls: what a model is, and its files. Called by pull; tests put a folder in its place.
`python -m server.catalog.acquire.hub` brings one file; fetch starts it.

Speaks to another machine only when the user asked for it or at the first set-up; apart from it only fetch does.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from server.errors import BaseError


@dataclass(frozen=True, slots=True)
class HubFile:
    """`sha256` of files in large-file storage, else `git_sha1` of the blob. Size in bytes."""

    name: str
    size: int
    sha256: str | None = None
    git_sha1: str | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A model as the hub describes it at one revision (a commit, never a branch)."""

    repo: str
    revision: str
    licence: str
    files: tuple[HubFile, ...]


class Hub(Protocol):
    def describe(self, repo: str) -> Offer:
        """Raises BaseError (`base_offline`, `base_unknown`, `base_gated`)."""

    def fetch(self, offer: Offer, names: Sequence[str], folder: Path) -> None:
        """Download the named files into `folder`; goes on where an earlier call was cut off. Raises as `describe`."""


class HuggingFace:
    """huggingface.co, through its own client."""

    def describe(self, repo: str) -> Offer:
        from huggingface_hub import HfApi

        try:
            found = HfApi().model_info(repo, files_metadata=True)
        except Exception as error:
            raise _refusal(error, repo) from error
        card = found.card_data
        licence = str((card.get("license_name") or card.get("license")) if card else "") or "unknown"
        files = (
            HubFile(item.rfilename, item.size or 0, item.lfs.sha256 if item.lfs else None, item.blob_id)
            for item in found.siblings or []
        )
        return Offer(repo, str(found.sha), licence, tuple(files))

    def fetch(self, offer: Offer, names: Sequence[str], folder: Path) -> None:
        try:
            for file in offer.files:
                if file.name in names and not has_size(folder / file.name, file):
                    _fetch_on(offer, file, folder)
        except Exception as error:
            raise _refusal(error, offer.repo) from error


def has_size(path: Path, file: HubFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size


def partial(path: Path) -> Path:
    """Where a file is gathered until all of it is there."""
    return path.with_name(f"{path.name}.partial")


def _fetch_on(offer: Offer, file: HubFile, folder: Path) -> None:
    """From where an earlier call ended: the client's own downloads to a folder begin anew in each process."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # documented as public

    part = partial(folder / file.name)
    url = hf_hub_url(offer.repo, file.name, revision=offer.revision)
    with part.open("ab") as out:
        if out.tell() > file.size:
            out.truncate(0)
        http_get(url, out, resume_size=out.tell(), headers=build_hf_headers(), expected_size=file.size,
                 displayed_filename=file.name)  # fmt: skip
    os.replace(part, folder / file.name)


def _refusal(error: Exception, repo: str) -> BaseError:
    """What the client's error means for the user. Anything that is not a clear answer of the hub counts as offline."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return BaseError(
            f"{repo} is gated: accept its terms on huggingface.co, run `hf auth login`, and try again.",
            code="base_gated",
        )
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return BaseError(f"There is no model {repo!r} on the hub.", code="base_unknown")
    return BaseError(
        f"The hub cannot be reached ({type(error).__name__}). What was downloaded is kept: run the same command again.",
        code="base_offline",
    )


def main(repo: str, revision: str, name: str, folder: Path) -> int:
    """One file, in a process of its own: `retinue serve` keeps the hub's client offline in its own one."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    try:
        get_hf_file_metadata(hf_hub_url(repo, name, revision=revision))  # at once; the download retries half a minute
        hf_hub_download(repo, name, revision=revision, local_dir=folder)
    except Exception as error:
        print(_refusal(error, repo).message, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    _, repo, revision, name, folder = sys.argv
    sys.exit(main(repo, revision, name, Path(folder)))
