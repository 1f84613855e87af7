"""Renders a base's chat template in a child process: a template is a program of somebody else's, and jinja2's sandbox
bounds neither its time nor its memory. Called by bases at a start; run as a module it is the child.

Knows no tokens: the layout cuts the texts up.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from server.errors import BaseError
from server.text.prompt import CONVERSATIONS

TEMPLATE_CHARS_MAX = 128 * 1024
RENDERED_CHARS_MAX = 64 * 1024
RENDER_S_MAX = 60.0  # in all; importing the renderer takes a second of it
RENDER_CPU_S_MAX = 5
RENDER_BYTES_MAX = 512 * 1024**2  # beyond what the child holds before it renders
_REFUSED = 3  # the child's status when the template itself raises


def render(template: str, variables: Mapping[str, str], *, base: str) -> list[str]:
    """The text of each of CONVERSATIONS, as transformers renders it. Raises BaseError (`base_template`)."""
    if len(template) > TEMPLATE_CHARS_MAX:
        raise _refusal(base, f"has more than {TEMPLATE_CHARS_MAX:,} characters")
    return list(_rendered(json.dumps({"template": template, "variables": dict(variables)}), base))


@lru_cache(maxsize=4)  # training loads the same base several times, and each child takes seconds to import the renderer
def _rendered(given: str, base: str) -> tuple[str, ...]:
    command = [sys.executable, "-P", "-m", __name__]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command, input=given.encode(), env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=RENDER_S_MAX, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _refusal(base, "takes too long to render") from None
    if done.returncode == _REFUSED:
        raise _refusal(base, "cannot be rendered for a page and a question")
    if done.returncode != 0:
        raise _refusal(base, "takes too much time or memory to render")
    return tuple(json.loads(done.stdout))


def _refusal(base: str, why: str) -> BaseError:
    return BaseError(f"The chat template of {base} {why}. Choose another base model.", code="base_template")


def _environment() -> dict[str, str]:
    """As ours, with our own modules in reach wherever the server was started."""
    return os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def _limit_this_process() -> None:
    """Time and memory of the child; Windows has no such limits, there the parent's clock alone ends it."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CPU, (RENDER_CPU_S_MAX + _cpu_s(), RENDER_CPU_S_MAX + _cpu_s()))
    held = RENDER_BYTES_MAX + _address_bytes()
    resource.setrlimit(resource.RLIMIT_AS, (held, held))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _cpu_s() -> int:
    return int(sum(os.times()[:2])) + 1


def _address_bytes() -> int:
    """Virtual memory that the imports take."""
    import psutil

    return int(psutil.Process().memory_info().vms)


def _render_all(template: str, variables: Mapping[str, str]) -> Sequence[str]:
    from transformers.utils.chat_template_utils import render_jinja_template

    _limit_this_process()
    texts = []
    for conversation, generate in CONVERSATIONS:
        options: dict[str, Any] = {**variables, "enable_thinking": False}
        [text], _ = render_jinja_template(
            [conversation], chat_template=template, add_generation_prompt=generate, **options
        )
        if len(text) > RENDERED_CHARS_MAX:
            raise ValueError("the rendered text is too long")
        texts.append(text)
    return texts


def _child() -> int:
    given = json.load(sys.stdin)
    try:
        texts = _render_all(given["template"], given["variables"])
    except MemoryError:
        return 1
    except Exception:  # the template's own doing
        return _REFUSED
    print(json.dumps(texts))
    return 0


if __name__ == "__main__":
    raise SystemExit(_child())
