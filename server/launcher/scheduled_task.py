"""The task of the Windows Task Scheduler that starts the server at login. Called by here; knows no commands but
schtasks'.

The elements are those of the Task Scheduler schema, version 1.2. A task has no environment of its own.
"""

import getpass
import hashlib
import os
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path, PureWindowsPath

from server.launcher.commands import step
from server.launcher.program import Program
from server.launcher.registration import MARKER, Launcher

TASK = "Retinue"
_SCHEMA = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_ENCODING = "utf-16"  # what schtasks reads and writes
_SETTINGS = {
    "MultipleInstancesPolicy": "IgnoreNew",
    "DisallowStartIfOnBatteries": "false",
    "StopIfGoingOnBatteries": "false",
    "StartWhenAvailable": "true",
    "ExecutionTimeLimit": "PT0S",  # none
    "Priority": "5",  # that of a program which a person started
}
_RESTART = {"Interval": "PT1M", "Count": "10"}


def scheduled_task(program: Program, *, folder: Path, user: str = "") -> Launcher:
    """`folder` keeps the XML that the scheduler was given; `user` is this one when left out."""
    user = user or "\\".join(filter(None, (os.environ.get("USERDOMAIN", ""), getpass.getuser())))
    action = _action(program)
    signature = f"{MARKER} {hashlib.sha256(repr(action).encode()).hexdigest()[:16]}"
    file = folder / "retinue-task.xml"
    return Launcher(
        kind="scheduled task",
        place=f"Task Scheduler, \\{TASK}",
        file=file,
        content=_xml(signature, action, user),
        encoding=_ENCODING,
        signature=signature,
        folders=(*program.folders, program.log.parent),
        logs=str(program.log),
        reach=("schtasks", "/Query"),
        unreachable="The Task Scheduler does not answer",
        query=("schtasks", "/Query", "/TN", TASK, "/XML"),
        load=(step("schtasks", "/Create", "/TN", TASK, "/XML", str(file), "/F"),),
        start=(step("schtasks", "/Run", "/TN", TASK),),
        restart=(step("schtasks", "/End", "/TN", TASK, may_fail=True), step("schtasks", "/Run", "/TN", TASK)),
        stop=(
            step("schtasks", "/End", "/TN", TASK, may_fail=True),
            step("schtasks", "/Delete", "/TN", TASK, "/F"),
        ),
        forget=(),
        notes=_notes(program),
    )


def _action(program: Program) -> dict[str, str]:
    """pythonw.exe opens no window; it has no output either, so the server writes a file."""
    interpreter, *arguments = program.command
    windowless = PureWindowsPath(interpreter).with_name("pythonw.exe")
    command = str(windowless) if Path(windowless).is_file() else interpreter
    return {"Command": command, "Arguments": subprocess.list2cmdline([*arguments, "--log", str(program.log)])}


def _xml(signature: str, action: dict[str, str], user: str) -> bytes:
    task = ET.Element("Task", version="1.2", xmlns=_SCHEMA)
    _add(ET.SubElement(task, "RegistrationInfo"), {"Description": signature})
    trigger = ET.SubElement(ET.SubElement(task, "Triggers"), "LogonTrigger")
    _add(trigger, {"Enabled": "true", "UserId": user})
    principal = ET.SubElement(ET.SubElement(task, "Principals"), "Principal", id="Author")
    _add(principal, {"UserId": user, "LogonType": "InteractiveToken", "RunLevel": "LeastPrivilege"})
    settings = ET.SubElement(task, "Settings")
    _add(settings, _SETTINGS)
    _add(ET.SubElement(settings, "RestartOnFailure"), _RESTART)
    _add(ET.SubElement(ET.SubElement(task, "Actions", Context="Author"), "Exec"), action)
    ET.indent(task)
    content: bytes = ET.tostring(task, encoding=_ENCODING, xml_declaration=True)
    return content


def _add(parent: ET.Element, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        ET.SubElement(parent, name).text = text


def _notes(program: Program) -> tuple[str, ...]:
    names = ", ".join(program.environment)
    return (f"A task has no environment: put what {names} says into settings.toml.",) if names else ()
