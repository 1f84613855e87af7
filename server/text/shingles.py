"""Runs of five words of a text: what two pages share. Called by training's leaks and audit, and by own papers.

Knows characters only.
"""

import re

SHINGLE_WORDS = 5
LEAK_SHARE_MAX = 0.1  # part of a held-out page's shingles that may stand on a training page
_WORD = re.compile(r"[\w’'-]+")

Shingles = frozenset[tuple[str, ...]]


def shingles(text: str) -> Shingles:
    """Runs of five words, in lower case; a shorter text is one run."""
    words = _WORD.findall(text.lower())
    count = max(1, len(words) - SHINGLE_WORDS + 1)
    return frozenset(tuple(words[at : at + SHINGLE_WORDS]) for at in range(count))
