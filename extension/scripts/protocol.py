"""Writes extension/lib/connection/protocol.ts from server/protocol.py: `make protocol`; CI runs it with --check.

Knows pydantic's JSON schema only. Fields with a default are optional in what the client sends and always there
in what the server sends. Run it from the repository root: `python extension/scripts/protocol.py [--check]`.
"""

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "extension" / "lib" / "connection" / "protocol.ts"
HEAD = (
    "// Every frame of the socket. Generated from server/protocol.py by extension/scripts/protocol.py: "
    "do not edit by hand.\n"
)

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
    return f"'{value}'" if isinstance(value, str) else str(value)


def interface(name: str, schema: Schema, *, defaults_are_sent: bool) -> str:
    """One model as an exported interface, its docstring as the comment above."""
    words = " ".join(str(schema.get("description", "")).split())
    lines = [f"/** {words} */"] if words else []
    lines.append(f"export interface {name} {{")
    required = set(schema.get("required", ()))
    for field, part in schema.get("properties", {}).items():
        must = field in required or field == "type" or defaults_are_sent
        lines.append(f"  {field}{'' if must else '?'}: {ts_type(part)};")
    return "\n".join([*lines, "}"])


def models(schema: Schema, *, defaults_are_sent: bool) -> list[str]:
    return [interface(name, part, defaults_are_sent=defaults_are_sent) for name, part in schema["$defs"].items()]


def render() -> str:
    """The whole file. Deterministic: pydantic keeps the order of its definitions."""
    sys.path.insert(0, str(ROOT))
    from server.protocol import CLIENT_FRAME, SERVER_FRAME, VERSION

    client = CLIENT_FRAME.json_schema(mode="validation")
    server = SERVER_FRAME.json_schema(mode="validation")
    sections = [
        HEAD + f"export const VERSION = {VERSION};",
        "// --- client to server",
        *models(client, defaults_are_sent=False),
        f"export type ClientFrame = {ts_type(client)};",
        "// --- server to client",
        *models(server, defaults_are_sent=True),
        f"export type ServerFrame = {ts_type(server)};",
    ]
    return "\n\n".join(sections) + "\n"


def main(arguments: list[str]) -> int:
    text = render()
    if "--check" in arguments:
        current = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
        if current != text:
            print(
                "extension/lib/connection/protocol.ts is stale: run `python extension/scripts/protocol.py`",
                file=sys.stderr,
            )
            return 1
        return 0
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
