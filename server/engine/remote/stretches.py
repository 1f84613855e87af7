"""One answer, stretch by stretch: a new request goes on where a quotation was chosen. Called by ids, once an answer."""

import math
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Literal

from server.engine import Finished, Request, Tokens
from server.engine.remote.dialects import Piece, Stretch
from server.errors import EngineError

AskStretch = Callable[[Stretch], AsyncGenerator[Piece]]


class Answer:
    """`first`: what to ask before anything is answered."""

    def __init__(self, request: Request, first: Stretch, ask: AskStretch) -> None:
        self._request, self._first, self._ask = request, first, ask
        self._ids: list[int] = []
        self._banned: frozenset[int] = frozenset()  # for the next token
        self._opening = request.unless_sure
        self._reason: Literal["", "stop", "length"] = ""
        self._cached: int | None = None

    async def events(self) -> AsyncGenerator[Tokens | Finished]:
        """Raises EngineError, Busy."""
        while not self._reason:
            before = len(self._ids), self._banned
            async with aclosing(self._ask(self._next())) as pieces:
                async for piece in pieces:
                    if self._cached is None and not self._ids:
                        self._cached = piece.cached_tokens
                    if not self._is_sure(piece):
                        break
                    new, is_whole = self._take(piece)
                    if new:
                        yield Tokens(new)
                    if not is_whole or self._reason:
                        break
            if not self._reason and before == (len(self._ids), self._banned):
                raise EngineError("The server gave no word of an answer. Ask again.", code="engine_empty")
        prompt = len(self._first.ids)
        yield Finished(self._reason, prompt, min(prompt, self._cached or 0), len(self._ids))

    def _next(self) -> Stretch:
        """Ids that may not come are banned for one token alone."""
        left = self._request.tokens_max - len(self._ids)
        return replace(
            self._first, ids=(*self._first.ids, *self._ids), tokens_max=1 if self._banned else left,
            banned=self._banned, tells_first=self._opening is not None and not self._ids,
        )  # fmt: skip

    def _is_sure(self, piece: Piece) -> bool:
        """False for a beginning that the model is not sure of: it is dropped, and may not come again."""
        opening, self._opening = self._opening, self._opening if not piece.ids else None
        if opening is None or not piece.ids:
            return True
        alike = {*opening.ids[:1], *opening.alike}
        is_likely = piece.log_p is not None and piece.log_p >= math.log(opening.least)
        if piece.ids[0] not in alike or (piece.ids[0] == opening.ids[0] and is_likely):
            return True
        self._banned = frozenset(alike)
        return False

    def _take(self, piece: Piece) -> tuple[tuple[int, ...], bool]:
        """The new ids, and False when the rest of the stretch is void: a chosen quotation comes instead."""
        new: list[int] = []
        self._banned = frozenset() if piece.ids else self._banned
        for token in piece.ids:
            if token in self._request.stop_ids:
                self._reason = "stop"
                return tuple(new), True
            new += (added := [token, *self._quotation(token)])
            self._ids += added
            if len(self._ids) >= self._request.tokens_max:
                self._reason = "length"
            if self._reason or len(added) > 1:
                return tuple(new), False
        if piece.reason == "stop":
            self._reason = "stop"
        return tuple(new), True

    def _quotation(self, token: int) -> list[int]:
        """What is to stand behind a token that opens a quotation; nothing behind any other."""
        if self._request.choose_quote is None:
            return []
        chosen = self._request.choose_quote([*self._ids, token])
        fits = chosen and len(self._ids) + 1 + len(chosen) < self._request.tokens_max
        return list(chosen or []) if fits else []
