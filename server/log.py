"""What may reach the log: our key=value lines and uvicorn's warnings, never a traceback that quotes a frame."""

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

from server.errors import RetinueError

_LINES_A_MINUTE = 30
_MINUTE_S = 60.0
_KIND_CHARS, _KINDS_MAX = 80, 1_000
_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class NoTracebacks(logging.Filter):
    """Tracebacks of the socket library and of uvicorn can hold pieces of frames; their first line is enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info:
            kind = record.exc_info[0].__name__ if record.exc_info[0] else "?"
            record.msg, record.args = f"{record.getMessage().strip()} error={kind}", None
            record.exc_info = record.exc_text = None
        return True


class AtMost(logging.Filter):
    """Lines of one kind (logger and text before its values are put in) come at most `lines_max` times a minute: who
    can make us log must not be able to fill the disk. The first line of the next minute says how many are missing.
    """

    def __init__(self, lines_max: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._lines_max, self._clock = lines_max, clock
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}  # since when, and how many

    def filter(self, record: logging.LogRecord) -> bool:
        kind, now = (record.name, str(record.msg)[:_KIND_CHARS]), self._clock()
        since, count = self._seen.get(kind, (now, 0))
        if now - since >= _MINUTE_S:
            if count > self._lines_max:
                record.msg, record.args = f"{record.getMessage()} ({count - self._lines_max} more were left out)", None
            since, count = now, 0
        if len(self._seen) >= _KINDS_MAX and kind not in self._seen:
            self._seen.clear()
        self._seen[kind] = (since, count + 1)
        return count < self._lines_max


def set_up_log(level: int = logging.WARNING) -> None:
    """Called once by cli. Other libraries are heard from WARNING on."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(_FORMAT))
    handler.addFilter(NoTracebacks())
    handler.addFilter(AtMost(_LINES_A_MINUTE))
    logging.basicConfig(level=level, handlers=[handler], force=True)


def write_to(file: Path) -> None:
    """Everything that the terminal would show goes to `file` from now on, for a process that has no terminal.

    What the process before wrote is kept beside it, with `.1` after its name. Raises RetinueError (`log_unwritable`).
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.is_file():
            file.replace(file.with_name(f"{file.name}.1"))
        sys.stdout = sys.stderr = file.open("w", encoding="utf-8", errors="replace", buffering=1)
    except OSError as error:
        raise RetinueError(
            f"{file} cannot be written: {error.strerror or error}. Choose another file with --log.",
            code="log_unwritable",
        ) from error
