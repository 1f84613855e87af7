"""Cells that say `not stated`, and actions with owner and date."""

import pytest

from server.text.checks.tables import tables
from tests.server.text.checks.judging import judged, page_of, spec

PAGE = page_of("Anna sends the plan by 5 May.")


def table(*rows: str, head: str = "| Action | Owner | Due |") -> str:
    return "\n".join([head, "|---|---|---|", *rows])


def test_tables_are_found_among_other_lines() -> None:
    found = tables(f"One:\n{table('| a | b | c |')}\n\nTwo:\n{table('| d | e |')}\n| f |")

    assert [one.rows for one in found] == [[["a", "b", "c"]], [["d", "e"], ["f"]]]
    assert found[0].head == ["action", "owner", "due"]
    assert tables("| a | b |\n| c | d |") == []


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        (table("| weight | 3 kg | 4 kg |"), True),
        (table("| weight | not stated | Not stated |"), True),
        ("No table.", True),
        (table("| weight |  | 4 kg |"), False),
        (table("| weight | - | 4 kg |"), False),
        (table("| weight | N/A | 4 kg |"), False),
        (table("| weight | 4 kg |"), False),
        ("The page does not say.", True),
    ],
)
def test_not_stated_marked(answer: str, passed: bool) -> None:
    assert judged("not_stated_marked", answer, PAGE).passed is passed


def test_the_mark_is_a_parameter() -> None:
    assert judged(spec("not_stated_marked", mark="unknown"), table("| weight | unknown | 1 |"), PAGE).passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        (table("| Send the plan | Anna | 5 May |"), True),
        (table("| Send the plan | Anna | open |"), True),
        (table("| a | b | c |", head="| Size | Weight | Price |"), False),
        ("- Anna will send the plan by 5 May\n- Li Wei: minutes, tomorrow\n- Open: who pays?", True),
        ("- Send the plan, owner Anna, due 2024-05-05", True),
        (table("| Send the plan | Anna | |"), False),
        (table("| Send the plan | not stated | 5 May |"), False),
        (table("| Send the plan | Anna | - |"), False),
        ("- Send the plan by 5 May", False),
        ("- Anna will send the plan", False),
        ("The page does not say.", True),
    ],
)
def test_owner_date_present(answer: str, passed: bool) -> None:
    assert judged("owner_date_present", answer, PAGE, "List the action items").passed is passed


def test_only_actions_need_an_owner() -> None:
    sizes = table("| a | b | c |", head="| Size | Weight | Price |")

    assert judged("owner_date_present", sizes, PAGE, "Compare them").passed
    assert not judged("owner_date_present", table("| a | b | |"), PAGE, "Compare them").passed
    assert judged(spec("owner_date_present", open_word="offen"), table("| a | offen | |"), PAGE).passed
