"""A model hub on this machine, for its real client: `python -m tests.hub FOLDER` serves FOLDER/owner/name/… and prints
its address. `HF_ENDPOINT` points the client there.

The large files come slowly, `bytes_per_s` of them, so that a test can look at the progress and stop it; each
line of its standard input is another speed.
"""

import hashlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_CHUNK = 64 * 1024


class Hub:
    """`revision` is the commit of every model; `asked` the requests so far, with their ranges."""

    def __init__(self, folder: Path, *, bytes_per_s: int = 10**9) -> None:
        self.folder, self.bytes_per_s = folder, bytes_per_s
        self.revision = "c0ffee" * 6 + "c0ff"
        self.damaged = ""
        self.asked: list[tuple[str, str]] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                hub.answer(self, body=False)

            def do_GET(self) -> None:
                hub.answer(self, body=True)

            def log_message(self, *_: object) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def serving(self) -> Iterator["Hub"]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler, *, body: bool) -> None:
        path = request.path.partition("?")[0]
        self.asked.append((path, request.headers.get("range", "")))
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "models"] and (len(parts) == 4 or parts[4:5] == ["revision"]):
            self._describe(request, self.folder / parts[2] / parts[3])
        elif parts[:2] == ["api", "models"] and parts[4:5] == ["tree"]:
            files = [_leaf(file) for file in sorted((self.folder / parts[2] / parts[3]).iterdir())]
            _send(request, 200, json.dumps(files).encode())
        elif len(parts) == 5 and parts[2] == "resolve":
            self._file(request, self.folder / parts[0] / parts[1] / parts[4], body=body)
        else:
            _send(request, 404, b"")

    def _describe(self, request: BaseHTTPRequestHandler, model: Path) -> None:
        if not model.is_dir():
            _send(request, 404, b"{}", **{"X-Error-Code": "RepoNotFound"})
            return
        files = [_entry(file) for file in sorted(model.iterdir())]
        about = {"id": f"{model.parent.name}/{model.name}", "sha": self.revision, "siblings": files}
        _send(request, 200, json.dumps({**about, "cardData": {"license": "apache-2.0"}}).encode())

    def _file(self, request: BaseHTTPRequestHandler, file: Path, *, body: bool) -> None:
        if not file.is_file():
            _send(request, 404, b"", **{"X-Error-Code": "EntryNotFound"})
            return
        data = file.read_bytes()
        etag = hashlib.sha256(data).hexdigest() if file.suffix == ".safetensors" else _git_sha1(data)
        if file.name == self.damaged:
            data = data[:-1] + b"?"
        start = int((request.headers.get("range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": self.revision, "Accept-Ranges": "bytes"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        _head(request, 206 if start else 200, len(data) - start, headers)
        if body:
            self._slowly(request, data[start:])

    def _slowly(self, request: BaseHTTPRequestHandler, data: bytes) -> None:
        try:
            for at in range(0, len(data), _CHUNK):
                request.wfile.write(data[at : at + _CHUNK])
                time.sleep(_CHUNK / self.bytes_per_s)
        except OSError:
            request.close_connection = True  # the client went away


def _entry(file: Path) -> dict[str, Any]:
    data = file.read_bytes()
    entry: dict[str, Any] = {"rfilename": file.name, "size": len(data), "blobId": _git_sha1(data)}
    if file.suffix == ".safetensors":
        entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 100}
    return entry


def _leaf(file: Path) -> dict[str, Any]:
    """The same as the client asks for it at a revision."""
    entry = _entry(file)
    leaf = {"type": "file", "path": file.name, "size": entry["size"], "oid": entry["blobId"]}
    if "lfs" in entry:
        leaf["lfs"] = {**entry["lfs"], "oid": entry["lfs"]["sha256"]}
    return leaf


def _git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _head(request: BaseHTTPRequestHandler, status: int, length: int, headers: dict[str, str]) -> None:
    request.send_response(status)
    for name, value in {"Content-Length": str(length), **headers}.items():
        request.send_header(name, value)
    request.end_headers()


def _send(request: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    _head(request, status, len(body), {"Content-Type": "application/json", **headers})
    if request.command != "HEAD":
        request.wfile.write(body)


if __name__ == "__main__":
    with Hub(Path(sys.argv[1]), bytes_per_s=int(sys.argv[2])).serving() as served:
        print(served.url, flush=True)
        for line in sys.stdin:
            served.bytes_per_s = int(line)
