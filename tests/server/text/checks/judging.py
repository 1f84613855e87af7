"""What the tests of the checks share: a check from its TOML form, a page of blocks, and one answer judged."""

from typing import Any

from pydantic import TypeAdapter

from server.text.checks import AnyCheck, Check, CheckSpec, run_checks
from server.text.page import Page, read_page

READ: TypeAdapter[CheckSpec] = TypeAdapter(AnyCheck)
PARAMETERS: dict[str, dict[str, Any]] = {  # of the checks that need some
    "form": {"one_of": ["fact", "list"]},
    "must_end_with": {"text": "Not legal advice."},
    "must_say": {"any_of": ["doctor", "clinician"]},
    "must_not_say": {"none_of": ["you will win"]},
    "required_slots": {"slots": ["Result", "Limits"]},
}


def spec(name: str, **parameters: Any) -> CheckSpec:
    return READ.validate_python({"check": name, **(parameters or PARAMETERS.get(name, {}))})


def page_of(*blocks: str, title: str = "Page", url: str = "https://example.com/page") -> Page:
    return read_page(title=title, url=url, blocks=blocks, chars_max=1_000_000)


def judged(check: str | CheckSpec, answer: str, page: Page, question: str = "q") -> Check:
    one = spec(check) if isinstance(check, str) else check
    return run_checks([one], answer, page=page, question=question)[0]
