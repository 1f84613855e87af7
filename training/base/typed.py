"""Questions as people type them: some words of a sentence in any order, partly near words, among question words.

A base that has only been asked for phrases of the page looks for phrases: asked in other words, it is lost. Here no
single word has to be the page's own; the sentence that is meant has most of them. And a base that always found what
people typed never says that a page lacks it: some are about what the page does not have. Called by `tasks`.
"""

import random
from collections.abc import Sequence

from server.page import Page
from training.base.thesaurus import Thesaurus
from training.base.words import content_words, sentences, words

WORD_CHARS_MIN = 4
STEM_CHARS = 5
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
        self._stems = frozenset(word[:STEM_CHARS] for word in self._vocabulary)
        self._sentences = [frozenset(words(part)) for block in page.blocks for part in sentences(block.text)]

    def about(self, sentence: str) -> str | None:
        """None when another sentence of the page has as many of the words that were chosen."""
        own = _typed_words(sentence)
        chosen = self._random.sample(own, min(len(own), self._random.choice((2, 2, 3, 3, 4, 5))))
        if len(chosen) < 2 or self._with_most(chosen) > 1:
            return None
        if self._thesaurus:
            chosen = [self._near(word, self._thesaurus) for word in chosen]
        return self._asked(chosen)

    def beside(self, sentence: str) -> str | None:
        """About a sentence of elsewhere: one to three words of it that the page lacks, often beside one that it has.

        None when the page has them all, or words near them.
        """
        own = _typed_words(sentence)
        lacking = [word for word in own if not self._has(word)]
        if not lacking:
            return None
        chosen = self._random.sample(lacking, min(len(lacking), self._random.choice((1, 2, 2, 3))))
        had = [word for word in own if word in self._vocabulary]
        chosen += self._random.sample(had, min(len(had), self._random.choice((0, 1, 1))))
        self._random.shuffle(chosen)
        return self._asked(chosen) if len(chosen) > 1 else None

    def _asked(self, chosen: Sequence[str]) -> str:
        opener, end = self._random.choice(_OPENERS), self._random.choice(("?", "?", ""))
        inner = "".join(self._random.choice(_FILLERS) + word for word in chosen)
        question = f"{opener}{inner}{end}".strip()
        return question if self._random.random() < 0.5 else question.lower()

    def _with_most(self, chosen: Sequence[str]) -> int:
        """How many sentences have the most of these words."""
        found = [len(sentence.intersection(chosen)) for sentence in self._sentences]
        return found.count(max(found))

    def _has(self, word: str) -> bool:
        """Whether the page has it, another form of it, or a near word."""
        near = self._thesaurus.near(word) if self._thesaurus else []
        return word[:STEM_CHARS] in self._stems or not self._vocabulary.isdisjoint(near)

    def _near(self, word: str, thesaurus: Thesaurus) -> str:
        """Often a near word that the page does not have, where there is one."""
        if self._random.random() > _NEAR_SHARE:
            return word
        near = thesaurus.stand_ins(word, self._vocabulary)
        return self._random.choice(near) if near else word


def _typed_words(sentence: str) -> list[str]:
    return sorted(word for word in content_words(sentence) if len(word) >= WORD_CHARS_MIN)
