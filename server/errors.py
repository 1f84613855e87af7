"""Every error that a person or a program can meet, as one tree. Imported by everything, imports nothing of ours.

RetinueError                      code            close code
├── BadFrame                      bad_frame       1007   the socket sent something that is no frame
├── OutOfOrder                    out_of_order    1008   a frame before its turn (page text before the proof, say)
├── NotPaired                     not_paired      1008   wrong or missing proof
├── LimitExceeded                 <limit>_…       -      a number above its limit in settings
├── Busy                          busy            -      every place is taken; `retry_after_ms` says when to try again
├── PageError                     page_…          -      no text, unknown page, too many pages
├── CopilotError                  copilot_…       -      unknown, refused, made for another base
├── BaseError                     base_…          -      base model missing, unreadable or unsupported
├── RunError                      run_…           -      one answer failed: timeout, out of memory, NaN, restart
├── EngineError                   engine_…        -      a server elsewhere: not there, refuses the key, cut, malformed
├── TrainError                    train_…         -      no examples, one runs already, failed, cancelled
├── TeachError                    teach_…         -      from inside a page, a quotation that is not there, gone
├── ThreadError                   thread(s)_…     -      a kept conversation is not there, or none can be kept
├── AutostartError                autostart_…     -      starting with the machine: no systemd, not ours, failed
└── DataError                     data_…          -      training examples, recipes and corrections
"""

from typing import ClassVar


class RetinueError(Exception):
    """`code` is stable and for programs; the message is a sentence for people that says what to do."""

    default_code: ClassVar[str] = "internal"
    close_code: ClassVar[int | None] = None

    def __init__(
        self, message: str, *, code: str | None = None, retry_after_ms: int | None = None, field: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.retry_after_ms = retry_after_ms
        self.field = field  # of what a client sent, where one is to blame


class BadFrame(RetinueError):
    default_code = "bad_frame"
    close_code = 1007


class OutOfOrder(RetinueError):
    default_code = "out_of_order"
    close_code = 1008


class NotPaired(RetinueError):
    default_code = "not_paired"
    close_code = 1008


class LimitExceeded(RetinueError):
    default_code = "limit_exceeded"


class Busy(RetinueError):
    default_code = "busy"


class PageError(RetinueError):
    default_code = "page_empty"


class CopilotError(RetinueError):
    default_code = "copilot_unknown"


class BaseError(RetinueError):
    default_code = "base_missing"


class RunError(RetinueError):
    default_code = "run_failed"


class EngineError(RetinueError):
    default_code = "engine_failed"


class TrainError(RetinueError):
    default_code = "train_failed"


class TeachError(RetinueError):
    default_code = "teach_failed"


class ThreadError(RetinueError):
    default_code = "thread_unknown"


class AutostartError(RetinueError):
    default_code = "autostart_failed"


class DataError(RetinueError):
    default_code = "data_invalid"
