"""The real server over an engine that answers from a script: `python -m tests.e2e.scripted PORT SCRIPT.json`.

SCRIPT.json maps a word of the question to the whole answer, to a list of them (the first, another, …), or to one for
each copilot by a word of its instructions. `!fail` fails, what begins with `Slowly` takes its time, what ends with `…`
ends only when it is stopped. With `"adapters": true` adapters are found as those of the default base, and change no
answer. `"bases"` has other answers for bases by name, null for one that cannot be loaded; the server then switches
between them and to servers elsewhere. Searching, checking, pairing, frames are the product's own.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from server.app import build_app
from server.cli.doctor_report import lines_for_sidebar
from server.cli.serve import Server, config_for
from server.compose import assemble
from server.conversation.engines.making import Assembled, Making
from server.engine import AdapterRef, BaseInfo, Finished, Request, Tokens
from server.engine.remote.connecting import Elsewhere
from server.errors import BaseError, RunError
from server.settings import Settings, load_settings
from server.transport.listener import listen
from tests.server.fakes import FakeEngine, base_text, decode

Answers = Mapping[str, str | Sequence[str] | Mapping[str, str]]
T = TypeVar("T")


class ScriptedEngine(FakeEngine):
    """`answers`: the first whose key stands in instructions or question, passages under them left out, is given."""

    def __init__(self, answers: Answers, *, context: int, base: str) -> None:
        super().__init__(piece=8, context=context)
        self.info = replace(self.info, name=base, parameters=134_515_008)
        self.answers = answers

    async def generate(self, request: Request) -> AsyncIterator[Tokens | Finished]:
        question = decode(request.turn).partition(" passages:")[0]
        answer = found_in(question, self.answers)
        if isinstance(answer, Mapping):
            answer = found_in(question, answer)
        script = answer if isinstance(answer, str) else answer[request.attempt % len(answer)]
        if script == "!fail":
            raise RunError("The model ran out of memory. Ask again.", code="run_out_of_memory")
        async for event in self.say(script, request):
            endless = script.endswith("…") and isinstance(event, Finished)
            await asyncio.sleep(3_600 if endless else 0.5 if script.startswith("Slowly") else 0.005)
            yield event


def found_in(question: str, answers: Mapping[str, T]) -> T:
    return next(answer for key, answer in answers.items() if key in question)


def any_adapter(folder: Path, base: BaseInfo) -> AdapterRef:
    return AdapterRef("", folder, "digest")


class Bases:
    """What answers by which settings. `bases` has the answers of those that do not give `answers`."""

    def __init__(self, answers: Answers, bases: Mapping[str, Answers | None], *, context: int) -> None:
        self._answers, self._bases, self._context = answers, bases, context

    def engine(self, base: str) -> ScriptedEngine:
        answers = self._bases.get(base, self._answers)
        if answers is None:
            raise BaseError(f"The weights of {base} cannot be read.", code="base_unreadable")
        return ScriptedEngine(answers, context=self._context, base=base)

    def assemble(self, settings: Settings, key: str | None = None) -> Assembled:
        if settings.engine != "local":
            return assemble(settings, key)
        return Assembled(settings, self.engine(settings.base), base_text, lambda: None, None)


async def main(
    settings: Settings, answers: Answers, *, context: int, adapters: bool = False,
    bases: Mapping[str, Answers | None] | None = None,
) -> None:  # fmt: skip
    port = settings.port
    scripted = Bases(answers, bases or {}, context=context)
    first = scripted.assemble(settings) if bases else None
    app = build_app(
        settings,
        first.engine if first else scripted.engine(settings.base if adapters else "fake"),
        check_adapter=any_adapter if adapters else None,
        load_base=first.load_base if first else base_text,
        port=port,
        making=Making(scripted.assemble, Elsewhere()) if bases else None,
        announce=lambda code: print(f"Pairing code: {code}", flush=True),
        look=lines_for_sidebar,
    )
    await Server(config_for(app), app=app, ready=app.state.code.issue).serve(sockets=[listen(settings)])


if __name__ == "__main__":
    script = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    chosen = load_settings(port=int(sys.argv[1]), answer_tokens_default=1_024)  # a token is a byte here
    asyncio.run(main(chosen, **script))
