"""From a step's logits to a row's next tokens: picks them, takes drafted ones over, appends chosen quotations.

Called by worker. Knows rows and logits; no scheduler and no KV tree.
"""

import math
from collections.abc import Callable
from typing import Literal

from torch import Tensor

from server.engine import ChooseQuote, Tokens
from server.engine.local.quoting import QuoteGuard
from server.engine.local.sampling import Draw, pick
from server.engine.local.scheduler import Row


class Decoding:
    """`finish` ends a row with its reason. `drafted` and `accepted` count tokens of all rows."""

    def __init__(self, finish: Callable[[Row, Literal["stop", "length"]], None]) -> None:
        self._finish = finish
        self.drafted = self.accepted = 0

    def decode(self, row: Row, draft: tuple[int, ...], logits: Tensor) -> None:
        """Take the token that the model picks, and as many drafted ones as it would have picked."""
        accepted = 0
        for place in range(len(logits)):
            token = self._pick(row, logits[place])
            self._take(row, token)
            if row.ended or place == len(draft) or token != draft[place]:
                break
            quoted = row.pending > 1  # a chosen quotation follows the token: the other guesses are void
            row.advance(1)
            accepted += 1
            if quoted:
                break
        self.drafted, self.accepted = self.drafted + len(draft), self.accepted + accepted
        if row.lookup is not None:
            row.lookup.learn(drafted=len(draft), accepted=accepted)

    def _pick(self, row: Row, logits: Tensor) -> int:
        unsure = self._unsure(row, logits)
        draw = Draw(row.attempt, row.answer_tokens) if row.attempt else None
        if row.guard is None:
            return pick(logits, banned=unsure, draw=draw)
        return pick(logits, allowed=row.guard.allowed(), banned=row.guard.banned | unsure, draw=draw)

    @staticmethod
    def _unsure(row: Row, logits: Tensor) -> set[int]:
        """The last token of an opening that the model is not sure enough of. logits: [vocabulary]."""
        opening, written = row.unless_sure, row.answer_tokens
        if opening is None or written >= len(opening.ids):
            return set()
        if tuple(row.ids[len(row.ids) - written :]) != opening.ids[:written]:
            row.unless_sure = None
            return set()
        token = opening.ids[written]
        row.opening_log_p += float(logits.float().log_softmax(-1)[token])
        is_last = written == len(opening.ids) - 1
        return {token, *opening.alike} if is_last and row.opening_log_p < math.log(opening.least) else set()

    def _take(self, row: Row, token: int) -> None:
        if token in row.stop_ids:
            self._finish(row, "stop")
            return
        row.ids.append(token)
        row.answer_tokens += 1
        if row.guard is not None:
            row.guard.accept(token)
        if row.lookup is not None:
            row.lookup.extend((token,))
        row.emit(Tokens((token,)))
        if row.guard is not None and row.choose_quote is not None and row.guard.opened:
            self._quote(row, row.guard, row.choose_quote)
        if row.answer_tokens >= row.tokens_max:
            self._finish(row, "length")

    def _quote(self, row: Row, guard: QuoteGuard, choose: ChooseQuote) -> None:
        """Append the chosen quotation in one piece: its KV is computed in the next step, and nothing is decoded."""
        chosen = choose(row.ids[-row.answer_tokens :])
        if not chosen or row.answer_tokens + len(chosen) >= row.tokens_max:
            return  # the token guard goes on
        row.ids.extend(chosen)
        row.answer_tokens += len(chosen)
        guard.skip(chosen)
        if row.lookup is not None:
            row.lookup.extend(chosen)
        row.emit(Tokens(tuple(chosen)))
