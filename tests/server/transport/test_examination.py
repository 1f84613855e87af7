"""A sidebar asks what is in order on the server's machine."""

import asyncio
import threading
from pathlib import Path

from server.cli.doctor_report import lines_for_sidebar
from server.protocol.server import DoctorLine
from tests.server.fakes import Harness, settings

FOUND = [DoctorLine(what="disk", code="disk_low", fix="make room")]


async def test_the_report_has_a_line_for_each_check(tmp_path: Path) -> None:
    wire, _ = await Harness(tmp_path, look=lambda _: FOUND).connect()

    wire.say({"type": "doctor"})

    assert (await wire.next("doctor.report"))["lines"] == [{"what": "disk", "code": "disk_low", "fix": "make room"}]


async def test_those_who_ask_meanwhile_share_one_look(tmp_path: Path) -> None:
    goes_on, looks = threading.Event(), []

    def look(_: object) -> list[DoctorLine]:
        looks.append(1)
        goes_on.wait(5)
        return FOUND

    harness = Harness(tmp_path, look=look)
    wires = [(await harness.connect(client=name))[0] for name in (None, None)]
    for wire in (*wires, *wires):
        wire.say({"type": "doctor"})
    for wire in wires:
        wire.say({"type": "ping"})
        await wire.next("pong")  # its question was taken
    goes_on.set()

    assert [(await wire.next("doctor.report"))["lines"][0]["code"] for wire in wires] == ["disk_low"] * 2
    assert looks == [1]
    wires[0].say({"type": "doctor"})
    await wires[0].next("doctor.report")
    assert looks == [1, 1]


async def test_a_check_that_breaks_is_told_without_its_reason(tmp_path: Path) -> None:
    def look(_: object) -> list[DoctorLine]:
        raise ValueError("/home/somebody/keys")

    wire, _ = await Harness(tmp_path, look=look).connect()

    wire.say({"type": "doctor"})
    error = await wire.next("error")

    assert error["code"] == "doctor_failed"
    assert "somebody" not in error["message"]


async def test_nobody_learns_anything_before_the_proof(tmp_path: Path) -> None:
    wire = Harness(tmp_path, look=lambda _: FOUND).knock()

    wire.say({"type": "doctor"})

    assert (await wire.next())["code"] == "out_of_order"
    await asyncio.sleep(0)


def test_the_lines_leave_out_what_was_found_where(tmp_path: Path) -> None:
    lines = lines_for_sidebar(settings(tmp_path, port=1))

    assert {"disk", "memory", "encoder"} <= {line.what for line in lines}
    assert set(DoctorLine.model_fields) == {"what", "code", "fix"}
