"""A real small engine: llama.cpp's server with the embedded base's own GGUF file, in a process of its own."""

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.catalog.acquire.sources import DEFAULT_BASE, GGUF
from tests.real_base import REAL_BASES

PYTHON = Path(__file__).parents[2] / ".engines" / ("Scripts" if os.name == "nt" else "bin") / "python"
SERVER = Path(__file__).with_name("llama_server.py")
NAME = "smol"  # of the model, as the server calls it
BASE = REAL_BASES / DEFAULT_BASE.folder


@dataclass(frozen=True)
class LlamaServer:
    url: str

    def get(self, path: str) -> Any:
        return httpx.get(f"{self.url}{path}").raise_for_status().json()

    def works(self) -> bool:
        """On an answer."""
        return any(slot["is_processing"] for slot in self.get("/slots"))


@contextlib.contextmanager
def llama_server(*adapters: Path, gguf: Path = BASE / GGUF) -> Iterator[LlamaServer]:
    """Ends with the block, and with this process however that ends. Skips the test where the wheel is not installed."""
    if not PYTHON.exists() or subprocess.run([PYTHON, "-c", "import xllamacpp"], capture_output=True).returncode:  # noqa: S603
        pytest.skip("llama.cpp's server could not be installed on this machine: see `make setup`")
    command = list(map(str, (PYTHON, SERVER, gguf, free_port(), NAME, *adapters)))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        assert process.stdout is not None
        try:
            url = process.stdout.readline().decode().strip()
            assert url, f"llama.cpp's server ended with status {process.wait()}"
            yield LlamaServer(url)
        finally:
            process.kill()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
