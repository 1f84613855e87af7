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
├── TrainError                    train_…         -      no examples, one runs already, failed, cancelled
└── DataError                     data_…          -      training examples, recipes and corrections
"""

from typing import ClassVar


class RetinueError(Exception):
    """`code` is stable and for programs; the message is a sentence for people that says what to do."""

    default_code: ClassVar[str] = "internal"
    close_code: ClassVar[int | None] = None

    def __init__(self, message: str, *, code: str | None = None, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.retry_after_ms = retry_after_ms


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


class TrainError(RetinueError):
    default_code = "train_failed"


class DataError(RetinueError):
    default_code = "data_invalid"
