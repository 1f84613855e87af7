"""A server that others use over a network: what it needs before it listens, what they reach, and what is noted."""

import json
import shutil
import ssl
import stat
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from server.errors import RetinueError
from server.transport.api.keys import ApiKeys
from server.transport.listener import listen
from tests.server.fakes import settings
from tests.server.live import running

NAME = "retinue.test"
BODY = {"model": "lease", "messages": [{"role": "user", "content": "A secret page.\n\nTwo years.\n\nHow long?"}]}


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, Path]:
    """A certificate for NAME, signed by itself."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not here to make a certificate with")
    made = {"tls_cert": tmp_path / "cert.pem", "tls_key": tmp_path / "key.pem"}
    names = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    files = ["-keyout", str(made["tls_key"]), "-out", str(made["tls_cert"])]
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, *files]
    subprocess.run(command, capture_output=True, check=True)  # noqa: S603
    return made


def test_it_listens_beyond_this_machine_only_with_tls_a_name_and_a_key(tmp_path: Path, tls: dict[str, Path]) -> None:
    needed: dict[str, Any] = {"host": "0.0.0.0", "port": 0, "public_name": NAME, **tls}  # noqa: S104
    for missing in ("tls_cert", "tls_key", "public_name"):
        with pytest.raises(RetinueError) as refused:
            listen(settings(tmp_path, **{name: value for name, value in needed.items() if name != missing}))
        assert refused.value.code == "host_refused"
    with pytest.raises(RetinueError) as refused:
        listen(settings(tmp_path, **needed))
    assert refused.value.code == "keys_missing"
    ApiKeys(settings(tmp_path).config_dir).create("ann")
    with pytest.raises(RetinueError) as refused:
        listen(settings(tmp_path, **{**needed, "tls_key": tls["tls_cert"]}))
    assert refused.value.code == "tls_unreadable"

    listen(settings(tmp_path, **needed)).close()


async def test_others_reach_the_api_over_tls_with_their_keys_and_nothing_else(
    tmp_path: Path, tls: dict[str, Path]
) -> None:
    key = ApiKeys(settings(tmp_path).config_dir).create("ann")
    beyond: dict[str, Any] = {"host": "0.0.0.0", "public_name": NAME, **tls}  # noqa: S104
    trusted = ssl.create_default_context(cafile=str(tls["tls_cert"]))
    async with running(tmp_path, **beyond) as live, httpx.AsyncClient(verify=trusted, trust_env=False) as http:

        async def status(path: str, *, host: str = NAME, secret: str = key, **more: Any) -> int:
            return (await http.request(
                "POST" if more else "GET", f"https://127.0.0.1:{live.port}{path}", timeout=30,
                headers={"Host": f"{host}:{live.port}", "Authorization": f"Bearer {secret}"},
                extensions={"sni_hostname": NAME}, **more,
            )).status_code  # fmt: skip

        assert await status("/v1/chat/completions", json=BODY) == 200
        assert await status("/v1/chat/completions", json=BODY, secret="wrong") == 401
        assert await status("/healthz") == 200
        assert await status("/sample") == await status("/ws") == 404
        for host in ("127.0.0.1", "localhost", "other.test"):  # nobody is believed to be on this machine
            assert await status("/v1/models", host=host) == 400
        with pytest.raises((OSError, httpx.HTTPError, ssl.SSLError)):
            await http.get(f"http://127.0.0.1:{live.port}/v1/models")

    audit = settings(tmp_path).user_dir / "audit.jsonl"
    lines = [json.loads(line) for line in audit.read_text().splitlines()]
    assert [(one["key"], one["what"], one["copilot"], one["code"]) for one in lines] == [
        ("ann", "chat", "legal/lease", "ok"), ("", "completions", "", "api_key_wrong")
    ]  # fmt: skip
    assert "secret" not in audit.read_text()
    assert key not in audit.read_text()
    assert stat.S_IMODE(audit.stat().st_mode) == 0o600


async def test_behind_a_proxy_the_public_name_reaches_the_api_and_no_socket(tmp_path: Path) -> None:
    key = ApiKeys(settings(tmp_path).config_dir).create("ann")
    async with running(tmp_path, public_name=NAME) as live, httpx.AsyncClient(trust_env=False) as http:
        headers = {"Host": NAME, "Authorization": f"Bearer {key}"}
        answer = await http.get(f"http://127.0.0.1:{live.port}/v1/models", headers=headers)
        with pytest.raises(InvalidStatus):
            await live.connect(host=NAME)
        async with await live.connect() as client:  # a browser on this machine, as ever
            ready = await live.prove(client)

    assert answer.status_code == 200
    assert ready["type"] == "ready"
