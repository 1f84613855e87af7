"""Commands in a network namespace that has a loopback interface and nothing else. Run by tests and by `make attack`.

    unshare --net python -m tests.attack.offline BASE_FOLDER
    unshare --net python -m tests.attack.offline --run COMMAND ...

The first serves and asks, and prints what the two print and a line for every address off this machine that they tried
to reach. The second brings loopback up and becomes the command.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path
from unittest import mock

COMMANDS, RUN = "--in-namespace", "--run"
NAMESPACE = ["unshare", "--user", "--map-root-user", "--net"]
LOOPBACK = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "None")  # noqa: S104 - compared, never bound
ASK = ["ask", "generalist", "--json", "--page", "README.md", "What is this?"]
_IFF_UP, _SIOCSIFFLAGS = 0x1, 0x8914
_READY_LINES_MAX = 40


def main(base: Path) -> None:
    bring_loopback_up()
    own = [sys.executable, "-m", "tests.attack.offline", COMMANDS]
    env = os.environ | {"RETINUE_BASES_DIR": str(base.parent), "RETINUE_BASE": base.name, "COLUMNS": "200"}
    with subprocess.Popen(  # noqa: S603
        [*own, "serve"], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as server:
        assert server.stdout is not None
        lines = [server.stdout.readline()]
        while "Ready" not in lines[-1] and len(lines) < _READY_LINES_MAX:
            lines.append(server.stdout.readline())
        print("serve:", *lines)
        print("ask a server:", subprocess.run([*own, *ASK], env=env, check=False, text=True, capture_output=True))  # noqa: S603
        server.terminate()
        print("serve:", server.stdout.read())


def can_unshare() -> bool:
    return shutil.which("unshare") is not None and subprocess.run([*NAMESPACE, "true"], check=False).returncode == 0  # noqa: S603


def bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))


def run_command(arguments: list[str]) -> None:
    """`retinue` with these arguments, over a base that is there already and no encoder, watched."""
    from server.catalog import bases
    from server.catalog.acquire import install
    from server.cli.main import main as retinue

    sys.addaudithook(watch)
    sys.argv = ["retinue", *arguments]
    with mock.patch.object(install, "ensure", lambda settings, say: bases.find(settings, settings.base)):
        retinue()


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook. Looking up a name is reaching for a name server."""
    if event == "socket.getaddrinfo" and str(arguments[0]) not in LOOPBACK:
        print(f"OUTSIDE: looks up {arguments[0]!s}", flush=True)
    if event == "socket.connect" and isinstance(arguments[1], tuple) and arguments[1][0] not in LOOPBACK:
        print(f"OUTSIDE: connects to {arguments[1][0]!s}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == COMMANDS:
        run_command(sys.argv[2:])
    elif sys.argv[1] == RUN:
        bring_loopback_up()
        os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - what the tests say
    else:
        main(Path(sys.argv[1]))
