"""A server elsewhere, connected from the sidebar: tested, switched to, its key, its consent, and back."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from server.compose import assemble, making
from server.engine.remote.key import key_path, store_key
from server.settings import load_settings
from tests.server.conversation.engines.sidebar import asked, heard, state, switched, write_base
from tests.server.fakes import PORT, FakeWire, Harness, ask, page_open
from tests.server.remote.standin import Play, StandIn, as_json, vllm

ANSWERS = "/v1/chat/completions"


def real(tmp_path: Path, **limits: Any) -> Harness:
    quick = {"engine_silent_s_max": 5.0, "engine_connect_s_max": 2.0, "engine_tries_max": 1}
    return Harness(tmp_path, making=making(), **{**quick, **limits})


async def connected(wire: FakeWire, url: str, **fields: Any) -> dict[str, Any]:
    answer = await asked(wire, "engine.connect", url=url, model="smol", **fields)
    assert answer["type"] == "engine.done", answer
    return await switched(wire)


async def test_a_server_on_this_machine_is_tested_and_answers(tmp_path: Path) -> None:
    async with StandIn().serving() as server:
        server.plays[ANSWERS] = [Play([vllm()])]
        wire, _ = await real(tmp_path).connect()
        wire.say(page_open())
        await heard(wire, "page.ready")

        tested = await asked(wire, "engine.test", url=server.url)
        assert (tested["models"], tested["host"]) == (["smol"], "")
        assert server.bodies(ANSWERS) == []  # no page went there
        await asked(wire, "engine.connect", url=server.url, model="smol", key="secret-1")
        changed = await heard(wire, "engine.changed")
        await heard(wire, "page.ready")
        wire.say(ask("r9"))
        done = await heard(wire, "run.done")

        assert (changed["base"]["name"], changed["engine"]["adapters"]) == ("smol", "none")
        assert done["quotes"][0]["verified"]
        headers = next(headers for path, headers, _ in server.asked if path == ANSWERS)
        assert headers["authorization"] == "Bearer secret-1"


async def test_the_key_is_kept_for_this_user_alone_and_never_sent_back(tmp_path: Path) -> None:
    async with StandIn().serving() as server:
        harness = real(tmp_path)
        wire, _ = await harness.connect()

        seen = await connected(wire, server.url, key="secret-1")
        while seen["here"]:  # told of the key, before the switch began
            seen = await switched(wire)

        file = key_path(harness.settings)
        assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == ("secret-1\n", 0o600)
        assert (seen["has_key"], seen["here"], seen["model"]) == (True, False, "smol")
        assert "secret-1" not in json.dumps(seen)
        assert "secret-1" not in (harness.settings.user_dir / "engine.json").read_text()


async def test_a_stored_key_goes_to_its_own_server_alone(tmp_path: Path) -> None:
    async with StandIn().serving() as first, StandIn().serving() as second:
        harness = real(tmp_path)
        wire, _ = await harness.connect()
        await connected(wire, first.url, key="secret-1")

        await asked(wire, "engine.test", url=second.url)
        await asked(wire, "engine.test", url=first.url)

        assert "authorization" not in second.asked[0][1]
        assert first.asked[-1][1]["authorization"] == "Bearer secret-1"
        await connected(wire, second.url)
        assert not key_path(harness.settings).exists()  # nor at the next start
        assert all("authorization" not in headers for _, headers, _ in second.asked)


async def test_a_key_from_the_command_line_goes_nowhere_new(tmp_path: Path) -> None:
    async with StandIn().serving() as server:
        harness = real(tmp_path)
        store_key(harness.settings, "from-the-terminal")
        wire, _ = await harness.connect()

        await asked(wire, "engine.test", url=server.url)

        assert "authorization" not in server.asked[0][1]


async def test_a_key_of_the_environment_is_not_taken_elsewhere(tmp_path: Path) -> None:
    async with StandIn().serving() as server:
        wire, _ = await real(tmp_path, engine_key="from-outside").connect()

        assert (await asked(wire, "engine.test", url=server.url))["code"] == "engine_pinned"
        assert server.asked == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "engine_url_missing"),
        ("ftp://127.0.0.1/v1", "engine_url_invalid"),
        ("file:///etc/passwd", "engine_url_invalid"),
        ("http://user:pass@127.0.0.1/v1", "engine_url_invalid"),
        ("http://127.0.0.1/v1?x=1", "engine_url_invalid"),
        ("http://127.0.0.1:99999/v1", "engine_url_invalid"),
        ("http://169.254.169.254/latest/meta-data", "engine_url_insecure"),
        ("http://192.168.1.1/v1", "engine_url_insecure"),
        ("http://localhost.evil.example/v1", "engine_url_insecure"),
        (f"http://127.0.0.1:{PORT}/v1", "engine_url_itself"),
        (f"http://localhost:{PORT}", "engine_url_itself"),
        (f"http://[::1]:{PORT}/v1", "engine_url_itself"),
        ("http://127.0.0.1:9/v1", "engine_unreachable"),
    ],
)
async def test_an_address_that_may_not_be_asked_is_refused(tmp_path: Path, url: str, code: str) -> None:
    wire, _ = await real(tmp_path).connect()

    assert (await asked(wire, "engine.test", url=url))["code"] == code


async def test_another_machine_needs_consent_and_the_switch_begins_with_it_only(tmp_path: Path) -> None:
    harness = real(tmp_path)
    wire, _ = await harness.connect()
    there = {"url": "https://models.invalid/v1", "model": "large"}

    refused = await asked(wire, "engine.connect", **there)
    seen = await state(wire)
    agreed = await asked(wire, "engine.connect", **there, may_leave=True)
    after = await switched(wire)

    assert (refused["code"], seen["switching"], seen["trouble"]) == ("engine_not_allowed", None, None)
    assert agreed["type"] == "engine.done"
    assert (after["trouble"]["code"], after["base"]["name"]) == ("engine_unreachable", "fake")


async def test_a_consent_holds_for_its_own_address_alone(tmp_path: Path) -> None:
    user, config = tmp_path / "user", tmp_path / "config"
    user.mkdir()
    choice = {"engine": "openai", "base": "one", "engine_url": "https://a.example", "engine_remote_allowed": True}
    (user / "engine.json").write_text(json.dumps(choice))

    chosen = load_settings(user_dir=user, config_dir=config)
    other = load_settings(user_dir=user, config_dir=config, engine="openai", engine_url="https://b.example")

    assert (chosen.engine_url, chosen.engine_remote_allowed) == ("https://a.example", True)
    assert (other.engine_url, other.engine_remote_allowed) == ("https://b.example", False)


async def test_a_refused_key_leaves_everything_as_it_was(tmp_path: Path) -> None:
    async with StandIn().serving() as server:
        harness = real(tmp_path)
        store_key(harness.settings, "before")
        server.plays["/v1/models"] = [as_json({"error": {"message": "no"}}, 401)]
        wire, _ = await harness.connect()

        seen = await connected(wire, server.url, key="wrong")

        assert (seen["trouble"]["code"], seen["here"]) == ("engine_key_refused", True)
        assert key_path(harness.settings).read_text() == "before\n"


async def test_hostile_model_names_are_left_out(tmp_path: Path) -> None:
    async with StandIn().serving() as server:
        names = ["good", "x" * 300, "bad\u202ename", "bell\x07"]
        server.plays["/v1/models"] = [as_json({"data": [{"id": name} for name in names]})]
        wire, _ = await real(tmp_path).connect()

        assert (await asked(wire, "engine.test", url=server.url))["models"] == ["good"]


async def test_a_chosen_server_may_be_away_at_the_next_start(tmp_path: Path) -> None:
    async with StandIn().serving() as server:
        harness = real(tmp_path)
        wire, _ = await harness.connect()
        await connected(wire, server.url)
        folders = {"user_dir": harness.settings.user_dir, "config_dir": harness.settings.config_dir}
        chosen = load_settings(**folders, engine_tries_max=1)
    engine = assemble(chosen).engine

    await engine.start()  # nobody listens there any more

    assert engine.info.name == "smol"
    await engine.stop()


async def test_one_click_leads_back_to_the_base_of_this_machine(tmp_path: Path) -> None:
    async with StandIn().serving() as server:
        harness = real(tmp_path, base="two")
        write_base(harness.settings, "two")
        wire, _ = await harness.connect()
        seen = await connected(wire, server.url)

        assert seen["local_base"] == "two"
        await asked(wire, "engine.use", base=seen["local_base"])
        back = await switched(wire)

        assert back["trouble"]["code"].startswith("base_")  # it is only a name here: the server elsewhere goes on
        assert (back["here"], back["url"], back["model"]) == (False, server.url, "smol")
