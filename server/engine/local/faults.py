"""Exceptions of any kind as errors that a person can act on. Called by worker."""

from server.errors import BaseError, RetinueError, RunError

REASON_CHARS_MAX = 300


def as_base_error(error: BaseException, base: str) -> RetinueError:
    """Why the base cannot be used; at a start the text of the error holds no page text."""
    if isinstance(error, RetinueError):
        return error
    if _is_memory(error):
        message = f"There is not enough memory to load {base}. Close other programs, or choose a smaller base model."
        return BaseError(message, code="base_memory")
    reason = one_line(f"{type(error).__name__}: {error}")
    return BaseError(f"{base} cannot be loaded ({reason}). `retinue doctor` checks its files.", code="base_load_failed")


def one_line(text: object) -> str:
    """What a library says, short enough for the end of a sentence."""
    return " ".join(str(text).split())[:REASON_CHARS_MAX]


def as_run_error(error: Exception) -> RunError:
    if _is_memory(error):
        return RunError("There is not enough memory for this answer. Close a page and ask again.", code="run_memory")
    return RunError(f"The engine failed on this answer ({type(error).__name__}). Ask again.", code="run_failed")


def _is_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or "memory" in str(error).lower()
