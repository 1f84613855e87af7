"""An adapter's weights file by its header alone: what the tensors' reader would refuse, and more."""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from server.catalog.adapter_files import check_files
from server.errors import CopilotError

FOUR = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("adapter_config.json", "lock.json"):
        (tmp_path / name).write_text("{}")
    save_file({"a": np.zeros((2, 3), np.float32), "b": np.zeros(4, np.float16)}, tmp_path / "adapter_model.safetensors")
    return tmp_path


def refusal(folder: Path) -> str:
    with pytest.raises(CopilotError) as refused:
        check_files(folder, bytes_max=2_000_000)
    assert refused.value.code == "copilot_refused"
    return refused.value.message


def write(folder: Path, header: Any, data: bytes = b"", *, length: int | None = None) -> None:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    prefix = struct.pack("<Q", len(raw) if length is None else length)
    (folder / "adapter_model.safetensors").write_bytes(prefix + raw + data)


def test_what_the_library_wrote_is_taken(folder: Path) -> None:
    check_files(folder, bytes_max=2_000_000)


@pytest.mark.parametrize(
    ("header", "data_bytes"),
    [
        ({"a": FOUR | {"shape": [2]}}, 4),
        ({"a": FOUR | {"shape": [-1]}}, 4),
        ({"a": FOUR | {"shape": [2**62, 4]}}, 4),
        ({"a": FOUR | {"shape": [True]}}, 4),
        ({"a": FOUR | {"data_offsets": [4, 8]}}, 8),
        ({"a": FOUR | {"data_offsets": [0, 2**63]}}, 4),
        ({"a": FOUR | {"dtype": "PICKLE"}}, 4),
        ({"a": FOUR, "b": FOUR}, 4),
        ({"a": FOUR}, 64),
        ({"a": FOUR}, 0),
        ({"__metadata__": {"a": {"b": 1}}}, 0),
        (b"[]", 0),
        (b'{"a":' * 20_000, 0),
        (b"\xff\xfe", 0),
    ],
    ids=str,
)
def test_a_header_that_the_data_does_not_bear_out_is_refused(folder: Path, header: Any, data_bytes: int) -> None:
    write(folder, header, b"\0" * data_bytes)

    assert "not what its header says" in refusal(folder)


@pytest.mark.parametrize("kind", ["I64", "U8", "BOOL", "F64"])
def test_other_numbers_than_an_adapter_has_are_refused(folder: Path, kind: str) -> None:
    write(folder, {"a": FOUR | {"dtype": kind, "shape": [8 // {"U8": 1, "BOOL": 1}.get(kind, 8)],
                                "data_offsets": [0, 8]}}, b"\0" * 8)  # fmt: skip

    assert "other numbers" in refusal(folder)


@pytest.mark.parametrize("length", [0, 10**6 + 100_000, 2**63, 2**64 - 1])
def test_a_header_of_no_sensible_length_is_refused_unread(folder: Path, length: int) -> None:
    write(folder, b" " * 1_200_000, length=length)

    assert "cut off" in refusal(folder)


def test_a_file_above_the_limit_is_refused_unread(folder: Path) -> None:
    write(folder, {"a": FOUR}, b"\0" * 2_000_000)

    assert "larger than" in refusal(folder)
