"""The limits of one question. Called by session; knows no pages."""

from server.errors import LimitExceeded
from server.protocol.client import Ask
from server.settings import Settings


def check_limits(ask: Ask, settings: Settings) -> None:
    """Raises LimitExceeded (`question_empty`, `question_too_long`, `history_too_long`, `answer_too_long`)."""
    chars = settings.question_chars_max
    if not ask.question.strip():
        raise LimitExceeded("The question is empty.", code="question_empty")
    if len(ask.question) > chars:
        raise LimitExceeded(f"The question has more than {chars:,} characters. Shorten it.", code="question_too_long")
    if len(ask.history) > settings.history_turns_max or any(
        len(turn.question) > chars or len(turn.answer) > 4 * chars for turn in ask.history
    ):
        raise LimitExceeded(
            f"Send at most {settings.history_turns_max} earlier turns, questions of at most {chars:,} characters.",
            code="history_too_long",
        )
    if ask.max_tokens is not None and ask.max_tokens > settings.answer_tokens_max:
        raise LimitExceeded(
            f"An answer has at most {settings.answer_tokens_max:,} tokens. Ask for less.", code="answer_too_long"
        )
