"""The header of a GGUF file: its architecture, and where each tensor lies and how it is stored. Called by groups.

It knows nothing of models, and reads no weights. The gguf package would make Python objects of every token of the
vocabulary, in two seconds. Nothing in the file is believed: each count is held to what is there. The format is that
of https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import mmap
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path

from server.errors import BaseError
from server.files import WEIGHTS_BYTES_MAX, open_regular

HEADER_BYTES_MAX = 64 * 1024**2
COUNT_MAX = 65_536  # of tensors, of fields
_STRING, _ARRAY = 8, 9
_SCALAR_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """`shape` as torch says it, outputs first; `kind` is ggml's number; `offset` in bytes from the file's start."""

    shape: tuple[int, ...]
    kind: int
    offset: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    architecture: str
    tensors: dict[str, StoredTensor]


def read_header(file: Path) -> GgufHeader:
    """Raises BaseError (`base_unreadable`)."""
    try:
        with (
            open_regular(file, bytes_max=WEIGHTS_BYTES_MAX) as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            return _parse(_Cursor(data, min(len(data), HEADER_BYTES_MAX)))
    except (OSError, ValueError, struct.error) as error:
        message = f"{file.name} of {file.parent.name} cannot be read ({error}). Remove the base and fetch it again."
        raise BaseError(message, code="base_unreadable") from error


class _Cursor:
    """Reads forwards; everything raises ValueError or struct.error at the end."""

    def __init__(self, data: mmap.mmap, end: int) -> None:
        self._data, self._end, self.at = data, end, 0

    def skip(self, count: int) -> None:
        if count > self._end - self.at:
            raise ValueError("it ends too early")
        self.at += count

    def numbers(self, form: str) -> tuple[int, ...]:
        start = self.at
        self.skip(struct.calcsize(f"<{form}"))
        return struct.unpack_from(f"<{form}", self._data, start)

    def number(self, form: str) -> int:
        return self.numbers(form)[0]

    def string(self) -> str:
        start = self.at + 8
        self.skip(self.number("Q"))
        return self._data[start : self.at].decode("utf-8")

    def skip_value(self, kind: int, *, nested: bool = False) -> None:
        if kind == _STRING:
            self.skip(self.number("Q"))
        elif kind in _SCALAR_BYTES:
            self.skip(_SCALAR_BYTES[kind])
        elif kind == _ARRAY and not nested:
            inner, count = self.numbers("IQ")
            at_once = _SCALAR_BYTES.get(inner, 0)
            self.skip(count * at_once)
            for _ in range(0 if at_once else count):  # ends with the file: every item takes bytes
                self.skip_value(inner, nested=True)
        else:
            raise ValueError(f"a field has the unknown type {kind}")


def _parse(cursor: _Cursor) -> GgufHeader:
    magic, version, tensor_count, field_count = cursor.numbers("IIQQ")
    if magic != int.from_bytes(b"GGUF", "little") or version not in (2, 3):
        raise ValueError("another format or version")
    if max(tensor_count, field_count) > COUNT_MAX:
        raise ValueError("too many tensors or fields")
    architecture, alignment = "", 32
    for _ in range(field_count):
        name, kind = cursor.string(), cursor.number("I")
        if name == "general.architecture" and kind == _STRING:
            architecture = cursor.string()
        elif name == "general.alignment" and kind == 4:
            alignment = cursor.number("I")
        else:
            cursor.skip_value(kind)
    if alignment < 8 or alignment & (alignment - 1):
        raise ValueError("the alignment is no power of two")
    found = [_tensor(cursor) for _ in range(tensor_count)]
    start = -(-cursor.at // alignment) * alignment
    tensors = {name: StoredTensor(shape, kind, start + offset) for name, shape, kind, offset in found}
    if len(tensors) != len(found):
        raise ValueError("two tensors have one name")
    return GgufHeader(architecture, tensors)


def _tensor(cursor: _Cursor) -> tuple[str, tuple[int, ...], int, int]:
    name, dimensions = cursor.string(), cursor.number("I")
    if not 1 <= dimensions <= 4:
        raise ValueError(f"{name} has {dimensions} dimensions")
    shape = cursor.numbers(f"{dimensions}Q")[::-1]
    kind, offset = cursor.numbers("IQ")
    if not 1 <= prod(shape) < 2**40:
        raise ValueError(f"{name} has no size, or no sensible one")
    return name, shape, kind, offset
