"""Prompt lookup: drafts the next tokens of an answer from what stands on the page and in the thread.

An answer that quotes repeats the page. Where its last tokens stood before, what followed there is guessed, and one
step checks all guesses at once (Saxena 2023); the answer is the one that greedy decoding writes without drafts.
"""

from collections.abc import Sequence

NGRAM = 2  # tokens that must agree before a guess is made
PLACES_MAX = 8  # latest places that are compared
AGREED_MAX = 16  # tokens back to which places are compared
DRAFT_MAX = 16
REST_MAX = 32


class Lookup:
    """Drafts for one row. Short drafts after a miss, long ones after a hit, none for a while where they never fit."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids: list[int] = []
        self._after: dict[tuple[int, ...], list[int]] = {}
        self._size, self._misses, self._rest = 4, 0, 0
        self.extend(ids)

    def extend(self, ids: Sequence[int]) -> None:
        """Learn what was written or read."""
        for token in ids:
            self._ids.append(token)
            if len(self._ids) >= NGRAM:
                self._after.setdefault(tuple(self._ids[-NGRAM:]), []).append(len(self._ids))

    def draft(self, *, room: int) -> tuple[int, ...]:
        """At most `room` tokens that may come next; often none."""
        if self._rest > 0:
            self._rest -= 1
            return ()
        size = min(self._size, room)
        places = self._after.get(tuple(self._ids[-NGRAM:]), ())[-PLACES_MAX - 1 : -1]  # the last one is the end itself
        if size < 1 or not places:
            return ()
        best = max(places, key=lambda place: (self._agreed(place), place))
        return tuple(self._ids[best : best + size])

    def learn(self, *, drafted: int, accepted: int) -> None:
        """Adapt to how many of the drafted tokens were right."""
        if not drafted:
            return
        if accepted == drafted:
            self._size = min(DRAFT_MAX, 2 * self._size)
        else:
            self._size = accepted + 1
        self._misses = 0 if accepted else self._misses + 1
        self._rest = min(REST_MAX, 2**self._misses) if self._misses > 1 else 0

    def _agreed(self, place: int) -> int:
        """How many tokens before `place` equal those before the end."""
        agreed = 0
        while agreed < min(AGREED_MAX, place) and self._ids[place - 1 - agreed] == self._ids[-1 - agreed]:
            agreed += 1
        return agreed
