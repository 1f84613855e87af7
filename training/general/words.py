"""A text's sentences and words, as the made questions of pretraining count them."""

import re

_SENTENCE_END = re.compile(r"(?<=[.!?;:])\s+(?=[A-Z“(\d])|\n")
WORD = re.compile(r"[A-Za-z][\w’'-]+")
COMMON = frozenset(
    """about above after also among been before being between both cannot could does each every from have having here
    into its itself just like made make many more most much must need only other over same shall should some such
    than that their them then there these they this those through under until upon used uses using very well were
    what when where which while will with within without would your""".split()
)


def sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE_END.split(text) if len(part.strip()) > 2] or [text]


def words(text: str) -> list[str]:
    """In lower case, in order, with repetitions."""
    return WORD.findall(text.lower())


def content_words(text: str) -> set[str]:
    return set(words(text)) - COMMON
