"""Prompt lookup: drafts the next tokens of an answer from what stands on the page and in the thread.

An answer that quotes repeats the page. Where its last tokens stood before, what followed there is guessed, and one
step checks all guesses at once (Saxena 2023). The answer is the one that greedy decoding writes without drafts, up to
rounding: a step of several tokens may use other kernels, and with 4-bit weights the wide copy.
"""

from collections.abc import Iterable, Sequence

PLACES_MAX = 8  # latest places that are compared
AGREED_MAX = 16  # tokens back to which places are compared
DRAFT_MAX = 16
REST_MAX = 32


class Repeats:
    """Tokens, and for each pair of neighbours the places right after it. A page's is shared by all its answers."""

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self.ids: list[int] = []
        self._after: dict[tuple[int, int], list[int]] = {}
        self.extend(ids)

    def extend(self, ids: Iterable[int]) -> None:
        for token in ids:
            self.ids.append(token)
            if len(self.ids) > 1:
                self._after.setdefault((self.ids[-2], token), []).append(len(self.ids))

    def after(self, pair: tuple[int, int]) -> list[int]:
        """The latest places, the end of the tokens itself left out."""
        places = self._after.get(pair, [])[-PLACES_MAX - 1 :]
        return [place for place in places if place < len(self.ids)][-PLACES_MAX:]


class Lookup:
    """Drafts for one row. Short drafts after a miss, long ones after a hit, none for a while where they never fit."""

    def __init__(self, page: Repeats, thread: Iterable[int]) -> None:
        """`thread` is what follows the page: earlier turns, the question, the answer so far."""
        self._page, self._thread = page, Repeats(thread)
        self._size, self._misses, self._rest = 4, 0, 0

    def extend(self, ids: Iterable[int]) -> None:
        """Learn what was written."""
        self._thread.extend(ids)

    def draft(self, *, room: int) -> tuple[int, ...]:
        """At most `room` tokens that may come next; often none."""
        if self._rest > 0:
            self._rest -= 1
            return ()
        size, written = min(self._size, room), self._thread.ids
        if size < 1 or len(written) < 2:
            return ()
        pair = written[-2], written[-1]
        places = [(source.ids, place) for source in (self._page, self._thread) for place in source.after(pair)]
        if not places:
            return ()
        agreed = [_agreed(ids[max(0, place - AGREED_MAX) : place], written) for ids, place in places]
        ids, place = places[max(range(len(places)), key=lambda n: (agreed[n], n))]
        return tuple(ids[place : place + size])

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


def _agreed(before: Sequence[int], written: Sequence[int]) -> int:
    """How many of the last tokens of both are equal."""
    agreed = 0
    for mine, theirs in zip(reversed(before), reversed(written), strict=False):
        if mine != theirs:
            break
        agreed += 1
    return agreed
