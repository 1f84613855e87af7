"""What may reach the log: our key=value lines and uvicorn's warnings, never a traceback that quotes a frame."""

import logging

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class NoTracebacks(logging.Filter):
    """Tracebacks of the socket library and of uvicorn can hold pieces of frames; their first line is enough."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info:
            kind = record.exc_info[0].__name__ if record.exc_info[0] else "?"
            record.msg, record.args = f"{record.getMessage().strip()} error={kind}", None
            record.exc_info = record.exc_text = None
        return True


def set_up_log(level: int = logging.WARNING) -> None:
    """Called once by cli. Other libraries are heard from WARNING on."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(_FORMAT))
    handler.addFilter(NoTracebacks())
    logging.basicConfig(level=level, handlers=[handler], force=True)
