"""Copilots that fit a page: by hints, by words, by meaning, with the reason."""

from collections.abc import Sequence

import numpy as np
import pytest

from server.catalog.copilots import Copilot
from server.catalog.suggest import SUGGESTED, WHY_MAX, PageFacts, Suggester
from server.text.finder import Vectors
from server.text.page import read_page


def copilot(name: str, hints: Sequence[str], promise: str = "Helps.", usable: bool = True) -> Copilot:
    return Copilot(f"x/{name}", name.title(), "x", "X", promise=promise, hints=tuple(hints), usable=usable)


COPILOTS = (
    copilot("lease", ["tenant", "landlord", "security deposit", "lease"]),
    copilot("recipes", ["Recipe", "ingredients", "oven"], promise="Reads recipes."),
    copilot("jobs", ["JobPosting", "salary", "apply by"]),
)


def facts(title: str = "", text: str = "", *, url: str = "", types: Sequence[str] = ()) -> PageFacts:
    blocks = [text] if text else ["Nothing in particular."]
    return PageFacts.of(read_page(title=title, url=url, blocks=blocks, chars_max=10_000), types=types)


def ids(found: PageFacts, copilots: Sequence[Copilot] = COPILOTS) -> list[str]:
    return [one.copilot for one in Suggester(None).rank(found, copilots)]


@pytest.mark.parametrize(
    ("found", "best"),
    [
        (facts("Flat to let", "The tenant pays a security deposit to the landlord."), "x/lease"),
        (facts("Plum cake", types=["Recipe"]), "x/recipes"),
        (facts("Baker wanted", types=["JobPosting"]), "x/jobs"),
        (facts("Home", url="https://a.example/ingredients/plums?x=tenant"), "x/recipes"),
    ],
)
def test_hints_are_found_in_title_text_address_and_declared_types(found: PageFacts, best: str) -> None:
    assert ids(found)[:1] == [best]


def test_it_says_why_in_words_of_the_page_the_most_telling_first() -> None:
    found = facts("Lease of a flat", "Tenant and landlord agree. The security deposit is one rent.")
    best = Suggester(None).rank(found, COPILOTS)[0]

    assert best.copilot == "x/lease"
    assert len(best.why) == WHY_MAX
    assert set(best.why) <= {"tenant", "landlord", "security deposit", "lease"}


def test_nothing_is_suggested_where_nothing_fits() -> None:
    assert ids(facts("A walk", "We went along the river and came home.")) == []
    assert ids(facts("Lease"), ()) == []


def test_hints_count_as_whole_words() -> None:
    assert "x/recipes" not in ids(facts("Ovenbird", "The ovenbird sings."))


def test_few_are_suggested_of_many_and_none_that_cannot_be_used() -> None:
    many = [copilot(f"lease{n}", ["tenant"]) for n in range(40)]
    broken = copilot("broken", ["tenant", "lease"], usable=False)

    found = ids(facts("Lease", "The tenant pays."), [*many, broken])

    assert len(found) == SUGGESTED
    assert "x/broken" not in found


class Meaning:
    """Knows two meanings: cooking, and everything else."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.array([[1, 0] if "ook" in text or "ecipe" in text else [0, 1] for text in texts], dtype=np.float32)


def test_meaning_finds_what_no_word_does_and_gives_no_reason() -> None:
    found = Suggester(Meaning()).rank(facts("Cooking on Sunday"), COPILOTS)

    assert [one.copilot for one in found[:1]] == ["x/recipes"]
    assert found[0].why == ()


def test_other_copilots_make_a_new_index() -> None:
    suggester = Suggester(None)
    page = facts("Lease", "The tenant pays the landlord.")

    assert [one.copilot for one in suggester.rank(page, COPILOTS)] == ["x/lease"]
    assert suggester.rank(page, COPILOTS[1:]) == []
    assert [one.copilot for one in suggester.rank(page, COPILOTS)] == ["x/lease"]


@pytest.mark.parametrize("text", ["tenant " * 50_000, "a" * 400_000, "\u0301" * 100_000, "§" * 100_000])
def test_a_hostile_page_is_ranked_like_any_other(text: str) -> None:
    page = read_page(title=text[:2_000], url=f"https://a.example/{text[:6_000]}", blocks=[text], chars_max=400_000)

    assert len(Suggester(None).rank(PageFacts.of(page, types=["T"] * 16), COPILOTS)) <= SUGGESTED
