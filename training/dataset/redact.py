"""Takes secrets and personal data out of text before it becomes an example. Called by corrections; pure functions.

A few documented patterns, each with the check digit where its kind has one. What they miss the user still sees:
prepared examples are plain files.
"""

import re
from collections import Counter

_LONG_SECRET = re.compile(r"(?<![A-Za-z0-9+/_-])(?=[A-Za-z+/_-]*\d)(?=[0-9+/_-]*[A-Za-z])[A-Za-z0-9+/_-]{32,}={0,2}")
# Kind -> pattern. The order matters: what is taken first is not seen by the later ones.
PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S)),
    ("email", re.compile(r"[\w.%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")),
    ("token", re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?")),  # JSON web token
    ("token", re.compile(r"\b(?:sk|pk|rk)[-_](?:[a-z]+[-_])?[A-Za-z0-9_-]{16,}")),  # OpenAI, Stripe, Anthropic
    ("token", re.compile(r"\b(?:gh[oprsu]_|github_pat_|glpat-|hf_|xox[abeoprs]-|npm_|pypi-)[A-Za-z0-9_-]{16,}")),
    ("token", re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{35}")),  # AWS, Google
    ("token", re.compile(r"(?<=[Bb]earer )[A-Za-z0-9._~+/-]{16,}=*")),
    ("secret", re.compile(r"(?i)(?<![\w-])(?:password|passwd|secret|api[ _-]?key|access[ _-]?token)\s*[:=]\s*\S{4,}")),
    ("account", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")),  # IBAN
    ("card", re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.]?\d)")),
    ("phone", re.compile(r"(?<![\w.])(?:\+\d{1,3}[ .-]?)(?:\(?\d{1,5}\)?[ .-]?){2,5}\d{2,4}\b")),
    ("phone", re.compile(r"(?<![\w.,-])\(?0?\d{2,4}\)?[ .-]\d{3}[ .-]\d{4}\b(?![.,]?\d)")),
    ("token", _LONG_SECRET),
)


def redact(text: str, counts: Counter[str] | None = None) -> str:
    """The text with each find replaced by its kind in brackets; `counts` is added to."""
    for kind, pattern in PATTERNS:

        def put(match: re.Match[str], kind: str = kind) -> str:
            if not _is_one(kind, match[0]):
                return match[0]
            if counts is not None:
                counts[kind] += 1
            return f"[{kind}]"

        text = pattern.sub(put, text)
    return text


def _is_one(kind: str, found: str) -> bool:
    if kind == "card":
        return luhn([int(character) for character in found if character.isdigit()])
    if kind == "account":
        return iban(found.replace(" ", ""))
    return True


def luhn(digits: list[int]) -> bool:
    """The check digit of card numbers (ISO/IEC 7812-1)."""
    doubled = [sum(divmod(2 * digit, 10)) if place % 2 else digit for place, digit in enumerate(reversed(digits))]
    return len(set(digits)) > 1 and sum(doubled) % 10 == 0


def iban(account: str) -> bool:
    """The check digits of bank accounts (ISO 13616): the number modulo 97 is 1."""
    turned = account[4:] + account[:4]
    return 15 <= len(account) <= 34 and int("".join(str(int(character, 36)) for character in turned)) % 97 == 1
