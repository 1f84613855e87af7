"""A base is downloaded from the sidebar: the real child and the hub's real client, from a hub on this machine."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.catalog.acquire import errand, pulls
from server.catalog.acquire.sources import DEFAULT_BASE, read_note
from server.catalog.bases import list_bases
from tests.hub import Hub
from tests.server.conversation.engines.sidebar import Engines, asked, harness_with, heard, state
from tests.server.fakes import FakeWire, Harness, settings

REPO = "acme/tiny-1"
WEIGHTS = b"weights!" * 3_000_000  # 24 MB: the client writes ten at a time
CONFIG = json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}).encode()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    model = tmp_path / "hub" / REPO
    model.mkdir(parents=True)
    files = {"config.json": CONFIG, "tokenizer.json": b"{}", "model.safetensors": WEIGHTS, "evil.bin": b"pickle"}
    for name, data in files.items():
        (model / name).write_bytes(data)
    with Hub(tmp_path / "hub").serving() as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setattr(pulls, "_LOOK_S", 0.05)
        yield served


async def sidebar(tmp_path: Path) -> tuple[Harness, FakeWire]:
    harness = harness_with(tmp_path, Engines())
    return harness, (await harness.connect())[0]


async def offered(wire: FakeWire) -> dict[str, Any]:
    return await asked(wire, "base.offer", repo=REPO)


async def until_over(wire: FakeWire) -> dict[str, Any]:
    while True:
        frame = await heard(wire, "engine.state")
        if frame["pulled"] is None or frame["pulled"]["phase"] == "stopped":
            return frame


async def test_a_base_is_offered_agreed_to_and_brought(tmp_path: Path, hub: Hub) -> None:
    harness, wire = await sidebar(tmp_path)

    offer = await offered(wire)
    await asked(wire, "base.pull", repo=REPO, revision=offer["revision"])
    seen = await until_over(wire)

    size = len(WEIGHTS) + len(CONFIG) + 2
    assert (offer["name"], offer["licence"], offer["bytes"]) == ("tiny-1", "apache-2.0", size)
    assert offer["source"] == f"huggingface.co/{REPO}"
    assert seen["pulled"] is None
    assert [base["name"] for base in seen["bases"]] == ["tiny-1"]
    note = read_note(list_bases(harness.settings)["tiny-1"])
    assert note is not None
    assert note.version == hub.revision
    assert not any(path.endswith("evil.bin") for path, _ in hub.asked)


async def test_it_is_stopped_shown_to_who_comes_later_and_goes_on(tmp_path: Path, hub: Hub) -> None:
    hub.bytes_per_s = 2_000_000
    harness, wire = await sidebar(tmp_path)
    offer = await offered(wire)
    await asked(wire, "base.pull", repo=REPO, revision=offer["revision"])
    while (await heard(wire, "base.pulling"))["bytes_done"] < 10_000_000:
        pass
    assert (await asked(wire, "base.pull", repo=REPO, revision=offer["revision"]))["code"] == "base_pulling"

    await asked(wire, "base.cancel")
    stopped = (await until_over(wire))["pulled"]
    hub.bytes_per_s = 10**9
    late, _ = await harness.connect()
    shown = (await state(late))["pulled"]
    await asked(late, "base.pull", repo=shown["repo"], revision=shown["revision"])
    seen = await until_over(late)

    assert (stopped["phase"], stopped["code"], shown) == ("stopped", None, stopped)
    assert 10_000_000 <= stopped["bytes_done"] < stopped["bytes_total"]
    assert [base["name"] for base in seen["bases"]] == ["tiny-1"]
    ranges = [span for path, span in hub.asked if path.endswith("model.safetensors") and span]
    assert any(int(span.removeprefix("bytes=").partition("-")[0]) > 0 for span in ranges), ranges


async def test_the_servers_end_stops_it_and_the_next_one_goes_on(tmp_path: Path, hub: Hub) -> None:
    hub.bytes_per_s = 2_000_000
    harness, wire = await sidebar(tmp_path)
    offer = await offered(wire)
    await asked(wire, "base.pull", repo=REPO, revision=offer["revision"])
    await heard(wire, "base.pulling")

    async with asyncio.timeout(20):
        await harness.connections.shut_down()
    _, again = await sidebar(tmp_path)
    kept = (await state(again))["pulled"]

    assert (kept["phase"], kept["repo"], kept["revision"]) == ("stopped", REPO, offer["revision"])


async def test_what_was_stopped_is_discarded(tmp_path: Path, hub: Hub) -> None:
    hub.bytes_per_s = 2_000_000
    harness, wire = await sidebar(tmp_path)
    offer = await offered(wire)
    await asked(wire, "base.pull", repo=REPO, revision=offer["revision"])
    await heard(wire, "base.pulling")
    await asked(wire, "base.cancel")
    await until_over(wire)

    await asked(wire, "base.cancel")

    assert (await state(wire))["pulled"] is None
    assert list(harness.settings.bases_dir.glob(".*")) == []


async def test_a_damaged_file_is_told_and_nothing_of_it_is_kept(tmp_path: Path, hub: Hub) -> None:
    hub.damaged = "model.safetensors"
    harness, wire = await sidebar(tmp_path)
    offer = await offered(wire)

    await asked(wire, "base.pull", repo=REPO, revision=offer["revision"])
    pulled = (await until_over(wire))["pulled"]

    assert pulled["code"] == "base_damaged"
    assert list_bases(harness.settings) == {}


async def test_another_revision_than_was_agreed_to_is_not_taken(tmp_path: Path, hub: Hub) -> None:
    _, wire = await sidebar(tmp_path)
    offer = await offered(wire)
    hub.revision = "beef" * 10

    await asked(wire, "base.pull", repo=REPO, revision=offer["revision"])

    assert (await until_over(wire))["pulled"]["code"] == "base_changed"
    assert not any("/resolve/" in path for path, _ in hub.asked)


async def test_without_a_network_or_such_a_model_it_is_said(
    tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, wire = await sidebar(tmp_path)

    absent = await asked(wire, "base.offer", repo="acme/absent")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    offline = await asked(wire, "base.offer", repo=REPO)

    assert (absent["code"], offline["code"]) == ("base_unknown", "base_offline")


async def test_a_base_that_could_never_be_served_is_refused_before_its_weights_come(tmp_path: Path, hub: Hub) -> None:
    (hub.folder / REPO / "config.json").write_bytes(json.dumps({"auto_map": {"AutoModel": "evil.py"}}).encode())
    _, wire = await sidebar(tmp_path)
    offer = await offered(wire)

    await asked(wire, "base.pull", repo=REPO, revision=offer["revision"])

    assert (await until_over(wire))["pulled"]["code"] == "base_unsupported"
    assert not any(path.endswith(".safetensors") for path, _ in hub.asked if "/resolve/" in path)


def test_the_default_base_has_a_price_and_needs_no_network(tmp_path: Path) -> None:
    offer = errand.offer("", settings(tmp_path))

    assert (offer.name, offer.licence) == (DEFAULT_BASE.name, "Apache-2.0")
    assert offer.bytes == 92_871_040 + 83_342_062
