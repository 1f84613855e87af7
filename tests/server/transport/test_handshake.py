"""hello, challenge, proof: what gets in, what does not, and how a browser pairs."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from server.errors import RetinueError
from server.protocol import VERSION
from server.transport.pairing import PairingCode, derive_key, mac, new_nonce
from tests.server.fakes import (
    ORIGIN,
    PORT,
    FakeWire,
    Harness,
    ask,
    eventually,
    hello,
    page_open,
    shake_hands,
)


async def refused(harness: Harness, *frames: Any, origin: str = ORIGIN) -> tuple[str, int | None]:
    """Code of the error and close code for a client that begins with these frames."""
    wire = harness.knock(origin)
    for frame in frames:
        wire.say(frame)
    error = await wire.next("error")
    await asyncio.gather(*harness.tasks)
    return error["code"], wire.closed


async def test_both_sides_prove_the_key_before_anything_else(tmp_path: Path) -> None:
    _, ready = await Harness(tmp_path).connect()

    assert ready["base"]["name"] == "fake"
    assert [card["id"] for card in ready["copilots"]] == ["generalist", "legal/lease"]
    assert ready["copilots"][1]["category_name"] == "Legal"


async def test_a_question_is_answered_over_the_socket(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    wire, _ = await harness.connect()

    wire.say(page_open())
    wire.say(ask())
    done = await wire.next("run.done")

    assert done["answer"] == harness.engine.script


@pytest.mark.parametrize("frame", [page_open(), ask(), {"type": "ping"}, {"type": "proof", "mac": "0" * 64},
                                   {"type": "resume", "session": "s", "seen": {}}])  # fmt: skip
async def test_nothing_but_hello_may_come_first(tmp_path: Path, frame: dict[str, Any]) -> None:
    assert await refused(Harness(tmp_path), frame) == ("out_of_order", 1008)


@pytest.mark.parametrize("frame", [page_open(), hello(), {"type": "ping"}])
async def test_nothing_but_the_proof_may_come_second(tmp_path: Path, frame: dict[str, Any]) -> None:
    assert await refused(Harness(tmp_path), hello(), frame) == ("out_of_order", 1008)


async def test_a_wrong_proof_is_refused(tmp_path: Path) -> None:
    assert await refused(Harness(tmp_path), hello(), {"type": "proof", "mac": "0" * 64}) == ("not_paired", 1008)


async def test_the_servers_own_proof_is_no_proof_of_the_client(tmp_path: Path) -> None:
    wire = Harness(tmp_path).knock()
    wire.say(hello())
    challenge = await wire.next("challenge")
    wire.say({"type": "proof", "mac": challenge["mac"]})

    assert (await wire.next("error"))["code"] == "not_paired"


async def test_an_unknown_origin_has_to_pair(tmp_path: Path) -> None:
    stranger = "chrome-extension://" + "b" * 32
    assert await refused(Harness(tmp_path), hello(), origin=stranger) == ("not_paired", 1008)


@pytest.mark.parametrize(("version", "what_to_do"), [(1, "reload it"), (VERSION + 1, "newer one")])
async def test_another_version_is_refused_and_told_what_to_do(tmp_path: Path, version: int, what_to_do: str) -> None:
    wire = Harness(tmp_path).knock()
    wire.say({**hello(), "version": version})

    error = await wire.next("error")

    assert error["code"] == "version_unsupported"
    assert f"version {version}" in error["message"] and f"version {VERSION}." in error["message"]
    assert what_to_do in error["message"]
    await eventually(lambda: wire.closed == 1008)


@pytest.mark.parametrize(("frame", "code"), [("{", 1007), (b"\0", 1007), ('"\\ud800"', 1007)])
async def test_garbage_before_the_proof_closes_the_socket(tmp_path: Path, frame: str | bytes, code: int) -> None:
    assert await refused(Harness(tmp_path), frame) == ("bad_frame", code)


@pytest.mark.parametrize(("extra", "code"), [(-1, "challenge"), (0, "challenge"), (1, "error")])
async def test_the_handshake_has_a_size(tmp_path: Path, extra: int, code: str) -> None:
    harness = Harness(tmp_path, hello_bytes_max=300)
    text = str(hello()).replace("'", '"')
    wire = harness.knock()

    wire.say(text + " " * (300 + extra - len(text)))

    assert (await wire.next())["type"] == code


async def test_a_client_that_says_nothing_is_let_go(tmp_path: Path) -> None:
    harness = Harness(tmp_path, hello_s_max=0.02)
    assert await refused(harness) == ("hello_timeout", 1008)
    assert await refused(harness, hello()) == ("hello_timeout", 1008)


async def pair(harness: Harness, typed: str, origin: str = ORIGIN, **who: str) -> tuple[FakeWire, bytes, bool]:
    wire, nonce = harness.knock(origin), new_nonce()
    wire.say({**hello(nonce, mode="pair"), **who})
    challenge = await wire.next()
    if challenge["type"] == "error":
        raise RetinueError(challenge["message"], code=challenge["code"])
    key = derive_key(typed, nonce_client=nonce, nonce_server=challenge["nonce"])
    fields = {"nonce_client": nonce, "nonce_server": challenge["nonce"], "origin": origin}
    good = challenge["mac"] == mac("server", key, version=VERSION, port=PORT, **fields)
    wire.say({"type": "proof", "mac": mac("client", key, version=VERSION, port=PORT, **fields)})
    return wire, key, good


async def test_pairing_with_the_code_leaves_a_key_for_the_next_time(tmp_path: Path) -> None:
    harness, origin = Harness(tmp_path), "moz-extension://01234567-89ab-cdef-0123-456789abcdef"
    code = harness.handshake.code.issue()

    wire, key, server_knows = await pair(harness, code.lower(), origin)
    await wire.next("ready")

    assert server_knows
    assert harness.keys.key(origin) == key
    await harness.connect(key=key, origin=origin)
    with pytest.raises(RetinueError) as refusal:
        await pair(harness, code, origin)
    assert refusal.value.code == "pairing_expired"


async def test_a_wrong_code_is_refused_and_the_sixth_try_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.transport.pairing.PBKDF2_ROUNDS", 10)
    harness = Harness(tmp_path)
    harness.handshake.code.issue()
    for _ in range(5):
        wire, key, server_knows = await pair(harness, "AAAA-AAAA")
        assert not server_knows
        assert (await wire.next("error"))["code"] == "not_paired"
        assert harness.keys.key(ORIGIN) != key

    with pytest.raises(RetinueError) as refusal:
        await pair(harness, "AAAA-AAAA")
    assert refusal.value.code == "pairing_locked"


async def test_five_wrong_codes_of_a_stranger_do_not_lock_the_owner_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.transport.pairing.PBKDF2_ROUNDS", 10)
    harness = Harness(tmp_path)
    code = harness.handshake.code.issue()
    stranger = "chrome-extension://" + "b" * 32
    for _ in range(6):
        await refused(harness, hello(mode="pair"), {"type": "proof", "mac": "0" * 64}, origin=stranger)

    wire, _, server_knows = await pair(harness, code)
    await wire.next("ready")

    assert server_knows


async def test_the_owner_can_renew_the_code_beside_the_running_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.transport.pairing.PBKDF2_ROUNDS", 10)
    harness = Harness(tmp_path)
    harness.handshake.code.issue()
    for _ in range(5):
        await pair(harness, "AAAA-AAAA")
    with pytest.raises(RetinueError) as refusal:
        await pair(harness, "AAAA-AAAA")
    assert refusal.value.code == "pairing_locked"
    shown: list[str] = []

    PairingCode.for_settings(harness.settings, announce=shown.append).issue()  # `retinue pair code`
    wire, _, server_knows = await pair(harness, shown[0])
    await wire.next("ready")

    assert server_knows


async def test_each_browser_profile_has_a_key_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.transport.pairing.PBKDF2_ROUNDS", 10)
    harness = Harness(tmp_path)
    harness.keys.revoke(ORIGIN)
    keys = {}
    for client in ("work", "home"):
        wire, keys[client], _ = await pair(
            harness, harness.handshake.code.issue(), client=client, name="Chrome on linux"
        )
        await wire.next("ready")

    for client, key in keys.items():
        await harness.connect(key=key, client=client)
    listed = [(one.origin, one.client, one.name) for one in harness.keys.pairings()]
    assert listed == [(ORIGIN, "home", "Chrome on linux"), (ORIGIN, "work", "Chrome on linux")]


async def test_a_profile_that_paired_before_profiles_had_ids_still_gets_in(tmp_path: Path) -> None:
    await Harness(tmp_path).connect(client="new-id")


@pytest.mark.parametrize("name", ["", "x" * 65, "\x1b[31mroot", "a\u202eb", "[bold]x", "a\nb"])
async def test_a_name_that_could_write_to_the_terminal_is_no_name(tmp_path: Path, name: str) -> None:
    assert await refused(Harness(tmp_path), {**hello(), "client": "a", "name": name}) == ("bad_frame", 1007)


async def test_a_new_code_is_shown_when_someone_pairs_and_none_is_valid(tmp_path: Path) -> None:
    harness = Harness(tmp_path)

    assert await refused(harness, hello(mode="pair")) == ("pairing_expired", 1008)
    assert len(harness.codes) == 1


async def test_the_handshake_helper_of_these_tests_checks_the_server(tmp_path: Path) -> None:
    wire = Harness(tmp_path).knock()

    with pytest.raises(AssertionError):
        await shake_hands(wire, key=b"x" * 32)
