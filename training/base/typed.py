"""Questions as people type them: some words of a sentence in any order, partly near words, among question words.

A base that has only been asked for phrases of the page looks for phrases: asked in other words, it is lost. Here no
single word has to be the page's own; the sentence that is meant has most of them. Called by `tasks`.
"""

import random
from collections.abc import Sequence

from server.page import Page
from training.base.thesaurus import Thesaurus
from training.base.words import content_words, sentences, words

WORD_CHARS_MIN = 4
_OPENERS = (
    "", "", "", "How", "How much", "How long", "How many", "What", "What if", "What happens when", "When", "Who", "Why",
    "Where", "Can I", "Can they", "Do I", "Does the", "Is the", "Is there", "Are there", "Should I", "Which", "Will",
    "What kind of", "Must", "So", "In what way", "What about",
)  # fmt: skip
_FILLERS = (
    " ", " ", " ", " ", " ", " the ", " and ", " of ", " in ", " for ", " to ", " with ", " by ", " or ", " on ",
    " a ", " my ", " is ", " be ", " from ", " get ", " this ",
)  # fmt: skip
_NEAR_SHARE = 0.4  # of a typed question's words


class TypedQuestions:
    """Makes them for one page; near words come from the thesaurus, without one all words are the page's."""

    def __init__(self, page: Page, choose: random.Random, thesaurus: Thesaurus | None) -> None:
        self.page = page
        self._random, self._thesaurus = choose, thesaurus
        self._vocabulary = frozenset(word for block in page.blocks for word in words(block.text))
        self._sentences = [frozenset(words(part)) for block in page.blocks for part in sentences(block.text)]

    def about(self, sentence: str) -> str | None:
        """None when another sentence of the page has as many of the words that were chosen."""
        own = sorted(word for word in content_words(sentence) if len(word) >= WORD_CHARS_MIN)
        chosen = self._random.sample(own, min(len(own), self._random.choice((2, 2, 3, 3, 4, 5))))
        if len(chosen) < 2 or self._with_most(chosen) > 1:
            return None
        if self._thesaurus:
            chosen = [self._near(word, self._thesaurus) for word in chosen]
        opener, end = self._random.choice(_OPENERS), self._random.choice(("?", "?", ""))
        inner = "".join(self._random.choice(_FILLERS) + word for word in chosen)
        question = f"{opener}{inner}{end}".strip()
        return question if self._random.random() < 0.5 else question.lower()

    def _with_most(self, chosen: Sequence[str]) -> int:
        """How many sentences have the most of these words."""
        found = [len(sentence.intersection(chosen)) for sentence in self._sentences]
        return found.count(max(found))

    def _near(self, word: str, thesaurus: Thesaurus) -> str:
        """Often a near word that the page does not have, where there is one."""
        if self._random.random() > _NEAR_SHARE:
            return word
        near = thesaurus.stand_ins(word, self._vocabulary)
        return self._random.choice(near) if near else word
