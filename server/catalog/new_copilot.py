"""Makes the folder of a new copilot. Called by `retinue copilots new`; own makes new categories with it."""

import json
import os
from pathlib import Path

from server.catalog.copilot_files import CATEGORY_FILE, COPILOT_FILE
from server.catalog.layout import PAGES, split_id
from server.errors import CopilotError
from server.files import replace_file

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
    made = folder.with_name(f".{short}.new")
    made.mkdir(parents=True, exist_ok=True)
    for split in ("train", "heldout"):
        (folder.parent / PAGES / split).mkdir(parents=True, exist_ok=True)
    name = short.replace("-", " ").capitalize()
    make_category(folder.parent)
    text = _COPILOT.format(name=json.dumps(name), name_plain=name)
    replace_file(made / COPILOT_FILE, text)
    os.replace(made, folder)
    return folder


def make_category(folder: Path) -> None:
    """Its category.toml, where it is missing."""
    if not (folder / CATEGORY_FILE).exists():
        name = json.dumps(folder.name.replace("-", " ").title())
        replace_file(folder / CATEGORY_FILE, _CATEGORY.format(name=name))
