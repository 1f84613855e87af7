"""Where an engine may be, whose key it gets, and which of its models answers."""

import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from server.compose import capabilities, make_engine
from server.engine.remote.address import address_of
from server.engine.remote.key import key_path, read_key, store_key
from server.errors import RetinueError
from tests.server.remote.asking import chosen
from tests.server.remote.standin import Play, StandIn, as_json

ALLOWED = {"engine_remote_allowed": True}


@pytest.mark.parametrize(
    ("url", "api", "host"),
    [
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1", ""),
        ("http://localhost:1234/v1/", "http://localhost:1234/v1", ""),
        ("http://[::1]:1234", "http://[::1]:1234/v1", ""),
        ("https://models.example/api/v1", "https://models.example/api/v1", "models.example"),
        ("https://models.example:8443", "https://models.example:8443/v1", "models.example:8443"),
    ],
)
def test_an_address_is_completed_and_says_whether_it_is_another_machine(
    tmp_path: Path, url: str, api: str, host: str
) -> None:
    settings = chosen(tmp_path, url, **ALLOWED)

    found = address_of(settings)

    assert (found.api, found.host) == (api, host)
    assert capabilities(settings).host == host


@pytest.mark.parametrize(
    ("url", "more", "code"),
    [
        ("", {}, "engine_url_missing"),
        ("models.example", {}, "engine_url_invalid"),
        ("file:///etc/passwd", {}, "engine_url_invalid"),
        ("http://127.0.0.1:99999", {}, "engine_url_invalid"),
        ("https://me:sk-1@models.example", ALLOWED, "engine_url_invalid"),
        ("https://models.example/v1?key=sk-1", ALLOWED, "engine_url_invalid"),
        ("https://mödels.example", ALLOWED, "engine_url_invalid"),
        ("http://models.example", ALLOWED, "engine_url_insecure"),
        ("http://0.0.0.0:8000", ALLOWED, "engine_url_insecure"),
        ("http://127.0.0.1.models.example", ALLOWED, "engine_url_insecure"),
        ("http://localhost.models.example", ALLOWED, "engine_url_insecure"),
        ("https://models.example", {}, "engine_not_allowed"),
    ],
)
def test_page_text_goes_nowhere_without_https_and_a_yes(
    tmp_path: Path, url: str, more: dict[str, Any], code: str
) -> None:
    with pytest.raises(RetinueError) as refused:
        make_engine(chosen(tmp_path, url, **more), None)

    assert refused.value.code == code
    assert "sk-1" not in refused.value.message


def test_a_stored_key_is_for_this_user_alone(tmp_path: Path) -> None:
    settings = chosen(tmp_path, "http://127.0.0.1:1")
    assert read_key(settings) == ""

    store_key(settings, " sk-1\n")

    assert read_key(settings) == "sk-1"
    if sys.platform != "win32":
        assert stat.S_IMODE(key_path(settings).stat().st_mode) == 0o600
        key_path(settings).chmod(0o644)
        assert read_key(settings) == "sk-1"
        assert stat.S_IMODE(key_path(settings).stat().st_mode) == 0o600
    assert read_key(chosen(tmp_path, "http://127.0.0.1:1", engine_key="sk-2")) == "sk-2"
    assert "sk-2" not in repr(chosen(tmp_path, "http://127.0.0.1:1", engine_key="sk-2"))


@pytest.mark.parametrize("key", ["", "two words", "a\r\nHost: x", "ключ", "k" * 5_000])
def test_a_key_that_is_no_word_is_refused_without_being_shown(tmp_path: Path, key: str) -> None:
    with pytest.raises(RetinueError) as refused:
        store_key(chosen(tmp_path, ""), key)

    assert refused.value.code == "engine_key_unreadable"
    assert not key or key not in refused.value.message


def listed(*ids: str, **more: Any) -> Play:
    return as_json({"data": [{"id": name, **more} for name in ids]})


@pytest.mark.parametrize(
    ("play", "wanted", "found"),
    [
        (listed("a"), "", ("a", 8_192)),
        (listed("a", "b"), "b", ("b", 8_192)),
        (listed("a", max_model_len=4_096), "", ("a", 4_096)),
        (listed("a", meta={"n_ctx": 2_048}), "", ("a", 2_048)),
        (as_json({"detail": "Not Found"}, 404), "any", ("any", 8_192)),
        (listed("a", "b"), "", "engine_model_missing"),
        (listed(), "", "engine_model_missing"),
        (listed("a"), "b", "engine_model_unknown"),
        (as_json({"data": [{}]}), "", "engine_malformed"),
        (as_json({"error": {"message": "no"}}, 401), "a", "engine_key_refused"),
        (Play([b"<html>"], 200, {"content-type": "text/html"}), "a", "engine_malformed"),
    ],
)
async def test_the_model_is_found_or_the_start_says_why_not(
    tmp_path: Path, play: Play, wanted: str, found: tuple[str, int] | str
) -> None:
    async with StandIn().serving() as server:
        server.plays["/v1/models"] = [play]
        engine = make_engine(chosen(tmp_path, server.url, engine_model=wanted), None)
        try:
            if isinstance(found, str):
                with pytest.raises(RetinueError) as failed:
                    await engine.start()
                assert failed.value.code == found
            else:
                await engine.start()
                assert (engine.info.name, engine.info.context_tokens) == found
        finally:
            await engine.stop()


async def test_nobody_at_the_address_is_told(tmp_path: Path) -> None:
    engine = make_engine(chosen(tmp_path, "http://127.0.0.1:9"), None)
    with pytest.raises(RetinueError) as failed:
        await engine.start()
    await engine.stop()

    assert failed.value.code == "engine_unreachable"
