"""`retinue serve` in a process of its own, over a real or a tiny base, with folders of its own. Used by the long
attacks: what is measured of the server's memory is then the server's alone.
"""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

from server.transport.keyfile import KeyFile
from tests.children import environment
from tests.server.fakes import KEY, ORIGIN
from tests.server.live import Address

READY_S_MAX = 300.0


class Served(Address):
    """A server in a process of its own."""

    def __init__(self, port: int, pid: int) -> None:
        super().__init__(port)
        self.process = psutil.Process(pid)


@contextlib.asynccontextmanager
async def serving(folder: Path, base: Path, **limits: object) -> AsyncIterator[Served]:
    """Ready to be asked. `folder` takes what it writes and its output (`serve.log`); `limits` are settings."""
    port = free_port()
    chosen = {
        "PORT": port, "BASE": base.name, "BASES_DIR": base.parent, "USER_DIR": folder / "user",
        "CONFIG_DIR": folder / "config", **{name.upper(): value for name, value in limits.items()},
    }  # fmt: skip
    KeyFile(folder / "config").store(ORIGIN, KEY)
    env = environment() | {f"RETINUE_{name}": str(value) for name, value in chosen.items()}
    log = folder / "serve.log"
    with log.open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "server", "serve", env=env, stdout=output, stderr=asyncio.subprocess.STDOUT
        )
    try:
        async with asyncio.timeout(READY_S_MAX):
            while "Ready" not in log.read_text(errors="replace"):
                assert child.returncode is None, log.read_text(errors="replace")
                await asyncio.sleep(0.2)
        yield Served(port, child.pid)
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def load() -> str:
    """Of the machine, over one, five and fifteen minutes."""
    return ", ".join(f"{one:.1f}" for one in os.getloadavg())
