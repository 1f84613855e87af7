"""`retinue threads`: list, show, search, export, delete. Part of cli.

Works beside a running server, on the same file.
"""

import contextlib
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from server.errors import ThreadError
from server.protocol.threads import KeptTurn, ThreadCard
from server.settings import load_settings
from server.terminal import plain, say

if TYPE_CHECKING:
    from server.conversation.threads.store import Store

threads_app = typer.Typer(
    invoke_without_command=True, help="The conversations that were kept: list, show, search, export, delete."
)
ThreadArgument = Annotated[str, typer.Argument(help="Id of a conversation, as `retinue threads list` shows it.")]


@threads_app.callback()
def threads(context: typer.Context) -> None:
    """The conversations that were kept; without a command they are listed."""
    if context.invoked_subcommand is None:
        list_all()


@threads_app.command("list")
def list_all() -> None:
    """List the kept conversations, pinned ones (*) first, then the newest."""
    with _store() as store:
        lines = [_line(card) for card in _all_cards(store)]
    _print("\n".join(lines) or "No conversation is kept.")


@threads_app.command()
def show(thread: ThreadArgument) -> None:
    """Show a conversation: questions, answers and quotations."""
    with _store() as store:
        card, turns = store.card(thread), store.turns(thread, whole=True)
    _print(f"{_one_line(card.name or card.title)}\n{_one_line(card.address)}")
    for turn in turns:
        _print(_shown(turn))


@threads_app.command()
def search(words: Annotated[list[str], typer.Argument(help="Words; each must begin a word that is there.")]) -> None:
    """Search names, page titles, questions and answers."""
    with _store() as store:
        found = store.search(" ".join(words))
    lines = [f"{_line(hit.thread)}\n    {_one_line(''.join(hit.excerpt))}" for hit in found]
    _print("\n".join(lines) or "No conversation has these words.")


@threads_app.command()
def export(
    thread: ThreadArgument,
    file: Annotated[Path | None, typer.Option("--out", help="File to write; the terminal when left out.")] = None,
    form: Annotated[Literal["markdown", "json"], typer.Option("--format", help="markdown or json.")] = "markdown",
) -> None:
    """Write a conversation as Markdown or JSON."""
    from server.conversation.threads.export import export as as_file

    with _store() as store:
        _, text = as_file(store.card(thread), store.turns(thread, whole=True), form=form)
    if file is None:
        return _print(text.rstrip("\n"))
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise ThreadError(f"{file} cannot be written: {error.strerror}.", code="threads_export") from error
    _print(f"Written: {file}")


@threads_app.command()
def delete(
    thread: Annotated[str, typer.Argument(help="Id of a conversation.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Delete every conversation.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
) -> None:
    """Delete a conversation, or all of them, for good: they are overwritten on the disk."""
    if bool(thread) == everything:
        raise ThreadError("Name one conversation, or give --all.", code="thread_unnamed")
    with _store() as store:
        title = f"all {store.cards()[1]} conversations" if everything else _one_line(_title(store.card(thread)))
        if not (yes or _agreed(f"Delete {title}? This cannot be undone.")):
            return _print("Nothing was deleted.")
        if everything:
            store.delete_all()
        else:
            store.delete_now(thread)
    _print(f"Deleted: {title}")


@contextlib.contextmanager
def _store() -> "Iterator[Store]":
    """Raises ThreadError."""
    from server.conversation.threads.database import open_database
    from server.conversation.threads.faults import FAULTS, as_error
    from server.conversation.threads.store import Store

    settings = load_settings()
    try:
        engine = open_database(settings.user_dir, stamp=time.strftime("%Y%m%d-%H%M%S"), aside=_tell_aside)
        store = Store(engine, settings, now_ms=lambda: int(time.time() * 1000))
        try:
            yield store
        finally:
            store.close()
    except FAULTS as error:
        raise as_error(error, folder=settings.user_dir) from None


def _tell_aside(file: Path, saved: int) -> None:
    _print(f"The history's file was damaged. It was put aside as {file}; {saved} conversations could be saved.")


def _all_cards(store: "Store") -> Iterator[ThreadCard]:
    seen, total = 0, 1
    while seen < total:
        cards, total = store.cards(skip=seen)
        yield from cards
        seen += len(cards) or total


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise ThreadError("Nobody can be asked here. Add --yes to delete.", code="thread_consent")
    return typer.confirm(question)


def _title(card: ThreadCard) -> str:
    return card.name or card.title or card.address


def _line(card: ThreadCard) -> str:
    mark = "*" if card.pinned else " "
    return f"{mark} {card.id}  {_time(card.updated_ms)}  {card.turns:>4}  {_one_line(_title(card))}"


def _shown(turn: KeptTurn) -> str:
    quotes = (f"  “{_one_line(quote.text)}”{_place(quote.block)}" for quote in turn.quotes)
    answer = plain(turn.answer) if turn.answer else f"({turn.message or 'no answer'})"
    head = f"\n{_time(turn.asked_ms)}  {turn.copilot}\n> {plain(turn.question)}"
    return "\n".join([head, answer, *quotes])


def _place(block: int | None) -> str:
    return f" [{block}]" if block else " (not on the page)"


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M")


def _print(text: str) -> None:
    say(text)


def _one_line(text: str) -> str:
    return plain(text, lines=False)
