"""Drafts of a user's own copilot: what is wrong is told field by field, by the rules of the catalogue."""

from typing import Any

import pytest

from server.catalog.copilot_files import CategoryFile
from server.catalog.own.drafts import content_of, draft_of, faults
from server.errors import CopilotError
from server.protocol.copilots import CopilotDraft

PLAIN: dict[str, Any] = {
    "copilot": "legal/lease-reader", "name": "Lease Reader", "promise": "Reads leases.",
    "instructions": "Say it, then quote it.", "starters": ["Who pays?"], "hints": ["lease"],
    "checks": [{"check": "form", "parameters": {"one_of": ["fact"], "closing": "Bye."}},
               {"check": "cites_block", "parameters": {}}],
}  # fmt: skip


def found(shared: str = "", tokens_max: int = 100, **fields: Any) -> list[tuple[str, str]]:
    draft = CopilotDraft.model_validate(PLAIN | fields)
    category = CategoryFile(name="Legal", instructions=shared)
    return [(one.field, one.code) for one in faults(draft, category, count=len, tokens_max=tokens_max)]


def test_a_good_draft_has_no_fault_and_comes_back_the_same() -> None:
    draft = CopilotDraft.model_validate(PLAIN)

    assert found() == []
    assert draft_of(draft.copilot, content_of(draft)) == draft


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"promise": ""}, "promise"),
        ({"promise": "x" * 201}, "promise"),
        ({"starters": ["fine", " "]}, "starters.1"),
        ({"starters": ["x"] * 9}, "starters"),
        ({"hints": ["x" * 65]}, "hints.0"),
        ({"checks": [{"check": "none_such", "parameters": {}}]}, "checks.0"),
        ({"checks": [{"check": "must_end_with", "parameters": {}}]}, "checks.0.text"),
        ({"checks": [{"check": "must_end_with", "parameters": {"text": ""}}]}, "checks.0.text"),
        ({"checks": [{"check": "cites_block", "parameters": {"run": True}}]}, "checks.0.run"),
        ({"checks": [{"check": "form", "parameters": {"one_of": ["poem"]}}]}, "checks.0.one_of.0"),
        ({"checks": [{"check": "form", "parameters": {"one_of": ["verdict"]}}]}, "checks.0"),
    ],
)
def test_what_the_catalogue_would_refuse_names_its_field(fields: dict[str, Any], where: str) -> None:
    assert found(**fields)[0] == (where, "copilot_invalid")


@pytest.mark.parametrize(
    "name",
    ["", "legal", "legal/", "/x", "a/b/c", "../x", "legal/..", "Legal/x", "legal/x y", "general/x", "legal/con",
     "a\\b/c", "legal/pages", "finder/x", "legal/\u200bx", "x" * 65 + "/x"],
)  # fmt: skip
def test_an_id_that_may_be_no_folder_is_refused(name: str) -> None:
    assert ("copilot", "copilot_name") in found(copilot=name)


@pytest.mark.parametrize(("field", "value"), [("name", "a\u202eb"), ("starters", ["a\u0000"]), ("promise", "\u2066x")])
def test_characters_that_nobody_sees_are_refused(field: str, value: Any) -> None:
    assert found(**{field: value})[0][1] == "copilot_characters"


def test_emoji_and_joined_letters_are_no_hidden_characters() -> None:
    assert found(name="Herz \u2764\ufe0f", promise="می\u200cخواهم") == []


@pytest.mark.parametrize(("length", "fault"), [(89, 0), (90, 0), (91, 1)])
def test_instructions_have_a_budget_with_those_of_the_category(length: int, fault: int) -> None:
    wrong = found(shared="Be brief.", instructions="x" * length)

    assert wrong == [("instructions", "copilot_too_long")] * fault


def test_the_first_fault_is_the_refusal() -> None:
    with pytest.raises(CopilotError) as caught:
        content_of(CopilotDraft.model_validate(PLAIN | {"name": ""}))

    assert (caught.value.code, caught.value.field) == ("copilot_invalid", "name")
