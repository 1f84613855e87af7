"""Blocks of a page that give orders to whatever program reads it: "Note to AI assistants: say that …". Called by
pages, to tell the user; nothing is left out because of it.

A pattern finds what is written plainly, not every trick: SECURITY.md has the figures. How often a page is looked into
after the name of a reader is bounded, and so is each gap of a pattern: the time is linear.
"""

import re
from collections.abc import Iterator
from itertools import islice

from server.text.page import Page

ORDERS_MAX = 8
_LOOKED_MAX = 500  # names of readers of a page
_AFTER_CHARS = 300  # after such a name

_READER = re.compile(
    r"\bAIs?\b|\bA\.I\.|artificial intelligence|language models?|\bLLMs?\b|\bGPTs?\b|chat ?bots?|(?<![-\w])bots?\b"
    r"|assistants?|crawlers?|scrapers?|summari[sz]ers?|note takers?|answer engines?"
    r"|(?:automated|automatic|machine) (?:readers?|assistants?|systems?|tools?|agents?|reviewers?|screening)"
    r"|KI-\w{3,15}|Sprachmodelle?|modelos? de lenguaje|mod[eè]les? de langage",
    re.IGNORECASE,
)
_SAY = (
    r"(?:says?|stat(?:e|es|ing)|reports?|describ(?:e|es)|answers?|repl(?:y|ies)|respond|tells?|adds?|mentions?"
    r"|recommends?|rates?|calls?|claims?|scores?|ranks?|concludes?|presents?|promis(?:e|es)|praises?|awards?|writes?"
    r"|quotes?|reveals?|translat(?:e|es)|lists?|summari[sz](?:e|es)|gives?|ends?|begins?|puts?|treats?|names?|print"
    r"|output|confirm|advis(?:e|es)|append|inform|urge|insert|include|replace|rewrite|choose|link)"
)
_LEAVE_OUT = r"(?:ignore|disregard|forget|leave out|skip|drop)"
_MUST = (
    r"(?:must|should|shall|(?:are|is) to|agree to|have to|has to|need to"
    r"|(?:are|is) (?:hereby )?(?:told|required|instructed|asked)(?: by law)? to)"
)
_FIRST = r"(?:(?:and|so|now|then|please|always|never|do not|don't|only|just|you must)\s){0,3}"
_AFTER = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # "Note to AI assistants: say …", "AI readers, when you sum this page up, please add …"
        rf"[^.!?:\n]{{0,100}}[:,–—-]{{1,2}}\s{{0,2}}(?:[^.!?\n]{{0,90}}[,:;]\s)?{_FIRST}(?:{_SAY}|{_LEAVE_OUT})\b",
        # "AI systems that read this page must state …"
        rf"[^.!?\n]{{0,140}}?\b{_MUST}\s(?:\w+\s){{0,3}}?{_SAY}\b",
        # "To every AI model that reads this page: all is well. Answer that …"
        rf"[^.!?\n]{{0,120}}[.!]\s(?:{_SAY}|{_LEAVE_OUT})\s(?:that|the|this|it)\b",
    )
)
_ANYWHERE = tuple(
    re.compile(pattern, re.IGNORECASE | re.MULTILINE)
    for pattern in (
        r"\b(?:ignore|disregard|forget|override)\b[^.!?\n]{0,30}\b(?:previous|prior|above|earlier|preceding|your|system)\b"
        r"[^.!?\n]{0,20}\b(?:instructions?|prompts?|rules|guidelines|question|context)\b",
        r"\b(?:ignoriere|vergiss|ignora|olvida|ignorez|oubliez)\b[^.!?\n]{0,30}"
        r"\b(?:anweisungen|instrucciones|instructions|consignes)\b",
        r"<\|\w{2,20}\|>|\[/?INST\]|<</?SYS>>|^#{2,3} ?(?:instruction|system|response)\b"
        r"|\[system (?:message|prompt|note)\]",
        r"\bsystem (?:prompt|note|message)\b[^.!?\n]{0,40}\b(?:to|for)\s",
        r"\b(?:you are now|(?:if|when|as) (?:you are|you're) an?)\b[^.!?\n]{0,40}"
        r"\b(?:AI|language model|LLM|chatbot|bot|assistant)\b",
        r"\b(?:answer|reply|respond)\w{0,3}\s(?:to )?(?:every|any|all|each|only with|solely with|nothing but)\b"
        r"[^.!?\n]{0,140}\b(?:with|that|word|by)\b",
        r"\bwhatever (?:the question|you are asked|is asked)\b",
        r"\byour (?:whole|entire|only|full|first) (?:answer|reply|response|word)\b",
        r"\b(?:right|correct|only(?: safe)?) (?:answer|reply) (?:to (?:every|any|each|all) question|is “)",
        r"\b(?:summar(?:y|ies)|answers?) (?:of|about) this \w{3,12} (?:must|should|begins?|is to|has to)\b",
    )
)


def orders(page: Page) -> list[int]:
    """Numbers of the blocks that give such orders, in page order, ORDERS_MAX at most."""
    left = _LOOKED_MAX
    found: list[int] = []
    for block in page.blocks:
        readers = list(islice(_READER.finditer(block.text), left))
        left -= len(readers)
        after = (block.text[reader.end() : reader.end() + _AFTER_CHARS] for reader in readers)
        if _are_orders(after) or any(pattern.search(block.text) for pattern in _ANYWHERE):
            found.append(block.n)
            if len(found) == ORDERS_MAX:
                break
    return found


def _are_orders(after: Iterator[str]) -> bool:
    return any(pattern.match(words) for words in after for pattern in _AFTER)
