"""Which of a server's models answers, and whether it is that one. Called by the engines of this folder."""

from collections.abc import Sequence

from server.engine.remote import faults
from server.engine.remote.client import Client
from server.engine.remote.wire import ModelCard
from server.errors import EngineError
from server.settings import Settings

_NAMED_MAX = 8


async def find_model(client: Client, settings: Settings) -> ModelCard:
    """The one that the settings name, or the only one that there is. A server that lists none is believed.

    Raises EngineError (`engine_model_unknown`, `engine_model_missing` and what the client raises), Busy.
    """
    wanted = settings.engine_model
    try:
        listed = await client.models()
    except EngineError as error:
        if wanted and error.code == "engine_model_unknown":  # no such route: some gateways list nothing
            return ModelCard(id=wanted)
        raise
    found = next((card for card in listed if card.id == wanted), None) if wanted else _only(listed)
    if found is not None:
        return found
    names = ", ".join(faults.shown(card.id) for card in listed[:_NAMED_MAX]) or "none"
    more = " and more" if len(listed) > _NAMED_MAX else ""
    if not wanted:
        raise EngineError(f"Choose a model of {client.who} with --model: {names}{more}.", code="engine_model_missing")
    raise EngineError(
        f"{client.who} has no model {faults.shown(wanted)}. It has: {names}{more}.", code="engine_model_unknown"
    )


def _only(listed: Sequence[ModelCard]) -> ModelCard | None:
    own = [card for card in listed if card.parent is None]
    return own[0] if len(own) == 1 else None


def check_echo(came: str | None, *, wanted: str, settings: Settings, who: str) -> None:
    """Some servers answer with whatever is loaded. A dated version of what was asked for is that model.

    Raises EngineError (`engine_other_model`).
    """
    expected = settings.engine_answers_as or wanted
    if came and not _last(came).startswith(_last(expected)):
        raise faults.other_model(who, wanted=expected, came=came)


def _last(name: str) -> str:
    return name.rpartition("/")[2].lower().removesuffix(":latest")
