"""A small good frame of each type that a client may send, made from the protocol's own schema, and every bound in it.
Used by the tests of limits and by the fuzzer: a new frame is in both without a word.
"""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from server.protocol.client import CLIENT_FRAME

_SCHEMA = CLIENT_FRAME.json_schema()
_TEXTS = ("a", "0" * 64, "0001")  # one of them fits each pattern
Schema = dict[str, Any]
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """A place of a frame with a value at its limit and one just beyond."""

    type: str
    place: Place
    kind: str
    at: Any
    beyond: Any

    def frame(self, value: Any) -> dict[str, Any]:
        made: dict[str, Any] = _with(_TYPES[self.type], SMALLEST[self.type], self.place, value)
        return made

    def __str__(self) -> str:
        return f"{self.type}-{'.'.join(map(str, self.place))}-{self.kind}"


def _resolved(schema: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    named: Schema = _SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    return _resolved(named)


def _sample(schema: Schema) -> Any:
    schema = _resolved(schema)
    if "anyOf" in schema:
        return _sample(schema["anyOf"][0])
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema["type"]
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: _sample(properties[name]) for name in schema.get("required", [])}
    if kind == "array":
        return [_sample(schema["items"]) for _ in range(schema.get("minItems", 0))]
    if kind == "string":
        return next(text for text in _TEXTS if re.search(schema.get("pattern", ""), text))
    return {"integer": max(0, schema.get("minimum", 0)), "number": 0.0, "boolean": False, "null": None}[kind]


def _types() -> Iterator[tuple[str, Schema]]:
    for option in _SCHEMA["oneOf"]:
        schema = _resolved(option)
        yield schema["properties"]["type"]["const"], schema


def _bounds(type_: str, schema: Schema, place: Place) -> Iterator[Bound]:
    schema = _resolved(schema)
    for option in schema.get("anyOf", []):
        yield from _bounds(type_, option, place)
    for name, inner in schema.get("properties", {}).items():
        yield from _bounds(type_, inner, (*place, name))
    if "items" in schema:
        yield from _bounds(type_, schema["items"], (*place, 0))
    yield from (Bound(type_, place, kind, *values) for kind, values in _edges(schema).items())


def _edges(schema: Schema) -> dict[str, tuple[Any, Any]]:
    """Values at and beyond each limit of one schema."""
    found: dict[str, tuple[Any, Any]] = {}
    if "maxLength" in schema:
        found["longest"] = ("a" * schema["maxLength"], "a" * (schema["maxLength"] + 1))
    if "minLength" in schema:
        found["shortest"] = ("a" * schema["minLength"], "a" * (schema["minLength"] - 1))
    if "pattern" in schema and (longest := re.search(r"\{1,(\d+)\}\$$", schema["pattern"])):
        found["longest name"] = ("a" * int(longest[1]), "a" * (int(longest[1]) + 1))
    if "maxItems" in schema:
        item, most = _sample(schema["items"]), schema["maxItems"]
        found["most"] = ([item] * most, [item] * (most + 1))
    if "minItems" in schema:
        item, fewest = _sample(schema["items"]), schema["minItems"]
        found["fewest"] = ([item] * fewest, [item] * (fewest - 1))
    if "maxProperties" in schema:
        value = _sample(schema.get("additionalProperties") or next(iter(schema["patternProperties"].values())))
        most = schema["maxProperties"]
        found["most names"] = ({f"a{n}": value for n in range(most)}, {f"a{n}": value for n in range(most + 1)})
    for key, step in (("maximum", 1), ("minimum", -1)):
        if key in schema:
            found[key] = (schema[key], schema[key] + step)
    if "exclusiveMaximum" in schema:
        found["maximum"] = (schema["exclusiveMaximum"] - 1, schema["exclusiveMaximum"])
    return found


def _with(schema: Schema, given: Any, place: Place, value: Any) -> Any:
    """`given` with this value at the place; what is missing on the way is made."""
    if not place:
        return value
    schema = _container(schema)
    made = copy.deepcopy(given) if given else _sample(schema)
    first, rest = place[0], place[1:]
    if isinstance(first, int):
        return [_with(schema["items"], made[0] if made else None, rest, value)]
    made[first] = _with(schema["properties"][first], made.get(first), rest, value)
    return made


def _container(schema: Schema) -> Schema:
    """Of several alternatives the one that holds something."""
    schema = _resolved(schema)
    options = [_resolved(option) for option in schema.get("anyOf", [schema])]
    return next(option for option in options if option["type"] in ("object", "array"))


_TYPES = dict(_types())
SMALLEST = {type_: _sample(schema) for type_, schema in _TYPES.items()}
BOUNDS = [bound for type_, schema in _TYPES.items() for bound in _bounds(type_, schema, ())]


def _free(type_: str, schema: Schema, place: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Places that hold text or a list of which the schema does not say how much."""
    schema = _resolved(schema)
    for option in schema.get("anyOf", []):
        yield from _free(type_, option, place)
    for name, inner in schema.get("properties", {}).items():
        yield from _free(type_, inner, (*place, name))
    if "items" in schema:
        yield from _free(type_, schema["items"], place)
    limits = {"maxLength", "pattern", "const", "enum", "maxItems"}
    if schema.get("type") in ("string", "array") and not limits & schema.keys():
        yield (type_, *place)


UNBOUNDED = {place for type_, schema in _TYPES.items() for place in _free(type_, schema, ())}
