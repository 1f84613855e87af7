"""Makes the folder of a new copilot. Called by `retinue copilots new`."""

import json
from pathlib import Path

from server.catalog.copilot_files import CATEGORY_FILE, COPILOT_FILE
from server.catalog.layout import PAGES, split_id
from server.errors import CopilotError

_CATEGORY = """\
# What all copilots of this category share.
name = {name}
instructions = ""  # stands before each copilot's own
checks = ["quotes_verbatim", "cites_block"]
"""
_COPILOT = """\
name = {name}
promise = "What it does for its user, in one sentence."
# What it looks for, the form of its answers, its words: two to five sentences. The model reads them with each question.
instructions = \"\"\"\\
{name_plain}: say what the page says, quote it.\"\"\"
starters = ["What should I know about this page?"]
hints = []  # words of pages that it fits
# A check by its name, or with parameters: {{check = "must_end_with", text = "Not legal advice."}}
checks = [{{check = "form", one_of = ["fact", "list"]}}]
"""


def make(copilot_id: str, root: Path) -> Path:
    """The new folder <root>/<category>/<copilot>, with category.toml and the folders of pages where they are missing.

    Raises CopilotError (`copilot_refused` for the name, `copilot_exists`).
    """
    category, short = split_id(copilot_id)
    folder = root / category / short
    if folder.exists():
        raise CopilotError(f"{copilot_id} is there already: {folder}.", code="copilot_exists")
    folder.mkdir(parents=True)
    for split in ("train", "heldout"):
        (folder.parent / PAGES / split).mkdir(parents=True, exist_ok=True)
    name = short.replace("-", " ").capitalize()
    shared = folder.parent / CATEGORY_FILE
    if not shared.exists():
        shared.write_text(_CATEGORY.format(name=json.dumps(category.replace("-", " ").title())), encoding="utf-8")
    text = _COPILOT.format(name=json.dumps(name), name_plain=name)
    (folder / COPILOT_FILE).write_text(text, encoding="utf-8")
    return folder
