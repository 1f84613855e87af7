"""A draft that a client sent -> the content of a copilot.toml, or everything that is wrong with it, field by field.

The rules are those of the catalogue (CopilotFile); a draft is held to three more: no characters that nobody sees, no
more instructions than the budget, an id that may be a folder. Called by shelf and desk. Knows no disk.
"""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import ValidationError

from server.catalog.copilot_files import CategoryFile, CopilotFile
from server.catalog.layout import split_id
from server.errors import CopilotError
from server.protocol.copilots import CheckChoice, CopilotDraft, DraftFault
from server.text.checks import CheckSpec
from server.text.page import is_hidden

Count = Callable[[str], int]  # tokens of a text

_SENTENCES = {
    "string_too_short": "Write something here.",
    "string_too_long": "At most {max_length} characters.",
    "too_short": "Choose at least {min_length}.",
    "too_long": "At most {max_length} of these.",
    "missing": "This is needed.",
    "union_tag_invalid": "There is no check of this name.",
    "greater_than": "This must be more than {gt}.",
    "greater_than_equal": "This must be at least {ge}.",
    "less_than_equal": "This must be at most {le}.",
    "extra_forbidden": "This is not known here.",
}
_WRITTEN = "\n\t\u200c\u200d\ufe0f"  # hidden ones that languages and emoji need


def content_of(draft: CopilotDraft) -> CopilotFile:
    """Raises CopilotError (`copilot_invalid`) with the first field that is to blame."""
    found = _content(draft)
    if isinstance(found, CopilotFile):
        return found
    raise refusal(found[0])


def faults(draft: CopilotDraft, shared: CategoryFile, *, count: Count, tokens_max: int) -> list[DraftFault]:
    """All of them, in the order of the fields; none when it can be saved."""
    found = _content(draft)
    wrong = [] if isinstance(found, CopilotFile) else found
    wrong += _hidden(draft)
    try:
        split_id(draft.copilot)
    except CopilotError as error:
        wrong.insert(0, DraftFault(field="copilot", code="copilot_name", message=error.message))
    tokens = count(instructions(draft, shared))
    if tokens > tokens_max:
        message = f"The instructions have {tokens:,} tokens; {tokens_max:,} is the most. Shorten them."
        wrong.append(DraftFault(field="instructions", code="copilot_too_long", message=message))
    return wrong


def instructions(draft: CopilotDraft, shared: CategoryFile) -> str:
    """What stands before each question: the category's and the copilot's own."""
    return "\n".join(text for text in (shared.instructions.strip(), draft.instructions.strip()) if text)


def refusal(fault: DraftFault) -> CopilotError:
    """A general sentence names its field."""
    generic = fault.code in ("copilot_invalid", "copilot_characters")
    said = f"{fault.field.capitalize()}: {fault.message}" if generic else fault.message
    return CopilotError(said, code=fault.code, field=fault.field)


def draft_of(copilot_id: str, file: CopilotFile) -> CopilotDraft:
    """The same as its user edits it."""
    return CopilotDraft(
        copilot=copilot_id, name=file.name, promise=file.promise, instructions=file.instructions.strip(),
        starters=list(file.starters), hints=list(file.hints), checks=[choice_of(check) for check in file.checks],
    )  # fmt: skip


def choice_of(check: CheckSpec) -> CheckChoice:
    """With the parameters that are not as they would be anyway."""
    return CheckChoice(check=check.check, parameters=check.model_dump(mode="json", exclude_defaults=True))


def _content(draft: CopilotDraft) -> CopilotFile | list[DraftFault]:
    texts = {name: getattr(draft, name).strip() for name in ("name", "promise", "instructions")}
    lists = {name: [text.strip() for text in getattr(draft, name)] for name in ("starters", "hints")}
    checks = [{**choice.parameters, "check": choice.check} for choice in draft.checks]
    try:
        return CopilotFile.model_validate({**texts, **lists, "checks": checks})
    except ValidationError as error:
        return [_fault(one) for one in error.errors(include_url=False, include_input=False)]


def _fault(error: Any) -> DraftFault:
    """pydantic's, in a sentence; of a check the path has the check's own name once more, which is left out."""
    path = [str(part) for part in error["loc"]]
    if path[:1] == ["checks"] and len(path) > 2:
        del path[2]
    sentence = _SENTENCES.get(error["type"])
    said = sentence.format(**error.get("ctx", {})) if sentence else f"{error['msg'].removeprefix('Value error, ')}."
    return DraftFault(field=".".join(path) or "copilot", code="copilot_invalid", message=said)


def _hidden(draft: CopilotDraft) -> Iterator[DraftFault]:
    for field, text in _texts(draft.model_dump(), ""):
        if any(is_hidden(char) and char not in _WRITTEN for char in text):
            message = "There are characters in it that nobody can see. Type it anew."
            yield DraftFault(field=field, code="copilot_characters", message=message)


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from _texts(one, f"{path}.{place}")
    elif isinstance(value, dict):
        for name, one in value.items():
            inner = path if name == "parameters" else f"{path}.{name}".removeprefix(".")
            yield from _texts(one, inner)
