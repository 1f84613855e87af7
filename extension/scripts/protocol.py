"""Writes the TypeScript of what server and extension must agree on: `make protocol`; CI runs it with --check.

`protocol.ts` has the frames of server/protocol and the limits around them, `characters.ts` the characters that
server/text folds or skips, `checks.ts` the checks with their parameters. Fields with a default are optional in what the
client sends (the schema for validation) and always there in what the server sends (that for serialization). Run it from
the repository root.
"""

import json
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LIB = ROOT / "extension" / "lib"
HEAD = "// {what} Generated from {source} by extension/scripts/protocol.py: do not edit by hand."

Schema = dict[str, Any]


def ts_type(schema: Schema) -> str:
    """One JSON schema as a TypeScript type."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "const" in schema:
        return quoted(schema["const"])
    if "enum" in schema:
        return " | ".join(map(quoted, schema["enum"]))
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " | ".join(dict.fromkeys(map(ts_type, schema[union])))
    if schema["type"] == "array":
        item = ts_type(schema["items"])
        return f"({item})[]" if " " in item else f"{item}[]"
    if schema["type"] == "object":
        value = schema.get("additionalProperties") or next(iter(schema["patternProperties"].values()))
        return f"Record<string, {ts_type(value)}>"
    return {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}[
        schema["type"]
    ]


def quoted(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else f"{value:_}"


def interface(name: str, schema: Schema) -> str:
    """One model as an exported interface, its docstring as the comment above."""
    words = " ".join(str(schema.get("description", "")).split())
    lines = [f"/** {words} */"] if words else []
    lines.append(f"export interface {name} {{")
    required = set(schema.get("required", ()))
    for field, part in schema.get("properties", {}).items():
        lines.append(f"  {field}{'' if field in required else '?'}: {ts_type(part)};")
    return "\n".join([*lines, "}"])


def models(schema: Schema, *, known: Collection[str] = ()) -> list[str]:
    return [interface(name, part) for name, part in schema["$defs"].items() if name not in known]


def constants(client: Schema) -> str:
    """Numbers and names that both sides hold to; the settings' are what the server accepts by default."""
    from server.protocol import PANEL_MAX, PANEL_MIN, VERSION
    from server.protocol.engines import ENGINE_KEY_CHARS_MAX
    from server.settings import Settings
    from server.transport.keyfile import KEY_BYTES
    from server.transport.pairing import CODE_LETTERS, EXTENSION_ORIGINS, PBKDF2_ROUNDS

    [origin] = EXTENSION_ORIGINS
    opened, resumed = (client["$defs"][name]["properties"] for name in ("PageOpen", "Resume"))
    values = {
        "VERSION": VERSION,
        "EXTENSION_ORIGIN": origin,
        "SERVER_PORT": Settings.model_fields["port"].default,
        "CODE_LETTERS": CODE_LETTERS,
        "KEY_BYTES": KEY_BYTES,
        "PBKDF2_ROUNDS": PBKDF2_ROUNDS,
        "TITLE_CHARS_MAX": opened["title"]["maxLength"],
        "URL_CHARS_MAX": opened["url"]["maxLength"],
        "THREAD_NAME_CHARS_MAX": client["$defs"]["ThreadRename"]["properties"]["name"]["maxLength"],
        "THREAD_QUERY_CHARS_MAX": client["$defs"]["ThreadsSearch"]["properties"]["query"]["maxLength"],
        "COPILOT_FILE_CHARS_MAX": client["$defs"]["CopilotImport"]["properties"]["text"]["maxLength"],
        "PANEL_MIN": PANEL_MIN,
        "PANEL_MAX": PANEL_MAX,
        "CORRECTED_CHARS_MAX": client["$defs"]["CorrectionKeep"]["properties"]["corrected"]["maxLength"],
        "TAUGHT_QUESTION_CHARS_MAX": client["$defs"]["CorrectionKeep"]["properties"]["question"]["maxLength"],
        "ENGINE_URL_CHARS_MAX": client["$defs"]["EngineConnect"]["properties"]["url"]["maxLength"],
        "ENGINE_MODEL_CHARS_MAX": client["$defs"]["EngineConnect"]["properties"]["model"]["maxLength"],
        "ENGINE_KEY_CHARS_MAX": ENGINE_KEY_CHARS_MAX,
        "RESUMED_RUNS_MAX": resumed["seen"]["maxProperties"],
        "PAGE_CHARS_MAX": Settings.model_fields["page_chars_max"].default,
        "PAGE_BLOCKS_MAX": Settings.model_fields["page_blocks_max"].default,
        "QUESTION_CHARS_MAX": Settings.model_fields["question_chars_max"].default,
    }
    return "\n".join(f"export const {name} = {quoted(value)};" for name, value in values.items())


def protocol() -> str:
    """Frames and limits. Deterministic: pydantic keeps the order of its definitions."""
    from server.protocol.client import CLIENT_FRAME
    from server.protocol.server import SERVER_FRAME

    client = CLIENT_FRAME.json_schema(mode="validation")
    server = SERVER_FRAME.json_schema(mode="serialization")
    sections = [
        HEAD.format(what="Every frame of the socket, and its limits.", source="server/protocol and settings.py"),
        constants(client),
        "// --- client to server",
        *models(client),
        f"export type ClientFrame = {ts_type(client)};",
        "// --- server to client",
        *models(server, known=client["$defs"]),
        f"export type ServerFrame = {ts_type(server)};",
    ]
    return "\n\n".join(sections) + "\n"


def checks() -> str:
    """The checks that a copilot can be held to, with what each parameter may be."""
    from server.text.checks import CHECKS

    cards = [_check(name, spec.model_json_schema()) for name, spec in CHECKS.items()]
    sections = [
        HEAD.format(what="The checks of a copilot and their parameters.", source="server/text/checks"),
        """export interface Parameter {
  name: string;
  kind: 'text' | 'texts' | 'number' | 'flag' | 'choice' | 'choices';
  isNeeded: boolean;
  /** Of a choice. */
  options: string[];
  /** As it is when nothing is said, shown where it is short. */
  preset: string;
}

export interface CheckInfo {
  name: string;
  about: string;
  parameters: Parameter[];
}""",
        "export const CHECKS: CheckInfo[] = [\n" + "\n".join(f"  {card}," for card in cards) + "\n];",
    ]
    return "\n\n".join(sections) + "\n"


def _check(name: str, schema: Schema) -> str:
    required = set(schema.get("required", ()))
    parameters = [
        _parameter(field, part, needed=field in required)
        for field, part in schema["properties"].items()
        if field != "check" and part.get("type") != "object"  # tables of numbers are for those who write TOML
    ]
    return json.dumps(
        {"name": name, "about": " ".join(schema["description"].split()), "parameters": parameters}, ensure_ascii=False
    )


def _parameter(name: str, schema: Schema, *, needed: bool) -> Schema:
    part = next((one for one in schema.get("anyOf", ()) if one["type"] != "null"), schema)
    of_many = part["type"] == "array"
    options = (part["items"] if of_many else part).get("enum", [])
    kinds = {"string": "text", "array": "texts", "boolean": "flag", "integer": "number", "number": "number"}
    kind = ("choices" if of_many else "choice") if options else kinds[part["type"]]
    preset = schema.get("default")
    shown = ", ".join(preset[:4]) + (" …" if len(preset) > 4 else "") if isinstance(preset, list) else str(preset or "")
    return {"name": name, "kind": kind, "isNeeded": needed, "options": options, "preset": shown}


def characters() -> str:
    """What the server's text floor takes for white space, does not see, and folds."""
    from server.text.page import FOLDS, is_hidden

    every = [chr(code) for code in range(sys.maxunicode + 1)]
    spaces = [char for char in every if char.isspace()]
    hidden = [char for char in every if is_hidden(char) and not char.isspace()]
    folds = [f"  {json.dumps(char)}: {json.dumps(folded)}," for char, folded in FOLDS.items()]
    sections = [
        HEAD.format(what="Characters that are folded or skipped.", source="server/text"),
        f"export const SPACE = {character_class(spaces)};",
        f"/** No reader sees them: controls, zero-width and bidi marks, variation selectors. */\n"
        f"export const HIDDEN = {character_class(hidden)};",
        "\n".join(["export const FOLDS: Readonly<Record<string, string>> = {", *folds, "};"]),
    ]
    return "\n\n".join(sections) + "\n"


def character_class(chars: list[str]) -> str:
    """A regular expression for exactly these characters, which come in order."""
    ranges: list[list[int]] = []
    for code in map(ord, chars):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    parts = ("-".join(f"\\u{{{code:x}}}" for code in dict.fromkeys(ends)) for ends in ranges)
    return f"/[{''.join(parts)}]/u"


def main(arguments: list[str]) -> int:
    sys.path.insert(0, str(ROOT))
    written = {
        LIB / "connection" / "protocol.ts": protocol(),
        LIB / "page" / "characters.ts": characters(),
        LIB / "checks.ts": checks(),
    }
    stale = [file for file, text in written.items() if not file.exists() or file.read_text(encoding="utf-8") != text]
    for file in stale:
        if "--check" in arguments:
            print(f"{file.relative_to(ROOT)} is stale: run `make protocol`", file=sys.stderr)
        else:
            file.write_text(written[file], encoding="utf-8")
    return int(bool(stale) and "--check" in arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
