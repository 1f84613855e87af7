"""What goes wrong with a server elsewhere -> one sentence and a stable code. Called by client and the engines.

What the server itself says is a stranger's text: it is cut, cleaned, quoted in the sentence and never logged.
"""

from server.engine.remote.wire import Fault
from server.errors import Busy, EngineError, RetinueError
from server.text.page import clean

_CONTEXT = ("context length", "context size", "context window", "context_length", "exceed_context", "too many tokens")
_RETRIED = (502, 503, 504)  # nothing was begun
RETRY_AFTER_MS_MAX = 60_000


class Again(Exception):
    """Nothing of an answer came, and another try may do better: `error` is what to say when it does not."""

    def __init__(self, error: RetinueError) -> None:
        super().__init__(error.code)
        self.error = error


def refusal(status: int, fault: Fault, *, who: str, retry_after: str = "") -> RetinueError | Again:
    """Of an answer with this HTTP status, or of an error in a stream (200)."""
    said = quoted(fault)
    about = f"{fault.message} {fault.kind}".lower()
    if status in (401, 403):
        return EngineError(f"{who} refuses the key. Store the right one with `retinue engine key`.",
                           code="engine_key_refused")  # fmt: skip
    if status == 429:
        message = f"{who} takes no more questions just now{said}. Try again in a moment."
        return Busy(message, code="engine_busy", retry_after_ms=_wait_ms(retry_after))
    if any(word in about for word in _CONTEXT):
        return EngineError(
            f"Page and question are longer than {who} takes{said}. Set RETINUE_ENGINE_CONTEXT_TOKENS to its context.",
            code="engine_context",
        )
    if status == 404 or "model_not_found" in about:
        return EngineError(f"{who} does not have this model, or is no server in OpenAI's form{said}. Look at --model "
                           "and --url.", code="engine_model_unknown")  # fmt: skip
    if 300 <= status < 400:
        return EngineError(f"{who} sends elsewhere ({status}). Give the address where it answers itself.",
                           code="engine_redirects")  # fmt: skip
    if status in _RETRIED:
        busy = Busy(f"{who} is not ready ({status}){said}. Try again in a moment.", code="engine_busy",
                    retry_after_ms=_wait_ms(retry_after))  # fmt: skip
        return Again(busy)
    if 400 <= status < 500:
        return EngineError(f"{who} refused the question ({status}){said}.", code="engine_refused")
    return EngineError(f"{who} failed{said}. Ask again, or look at its log.", code="engine_failed")


def unreachable(who: str) -> EngineError:
    return EngineError(f"{who} does not answer. Start it, or look at --url.", code="engine_unreachable")


def silent(who: str) -> EngineError:
    message = f"{who} said nothing for too long. Ask again; RETINUE_ENGINE_SILENT_S_MAX gives it longer."
    return EngineError(message, code="engine_silent")


def cut(who: str) -> EngineError:
    return EngineError(f"{who} stopped in the middle of the answer. Ask again.", code="engine_cut")


def malformed(who: str, what: str) -> EngineError:
    return EngineError(f"{who} answered with {what} instead of OpenAI's form. Look at --url.", code="engine_malformed")


def endless(who: str) -> EngineError:
    return EngineError(
        f"{who} sent more than an answer can be. Ask again, or use another model.", code="engine_endless"
    )


def other_model(who: str, *, wanted: str, came: str) -> EngineError:
    return EngineError(
        f"{who} answered with the model {shown(came)} instead of {shown(wanted)}. Name that one with --model; where it "
        "is only another name of the same one, set RETINUE_ENGINE_ANSWERS_AS.",
        code="engine_other_model",
    )


def adapter_refused(who: str, name: str, error: RetinueError) -> EngineError:
    return EngineError(
        f"{who} cannot answer with {shown(name)}: {error.message} Start it with --enable-lora and "
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING=1, or name the adapter in its --lora-modules.",
        code="engine_adapter_refused",
    )


def shown(text: str) -> str:
    """A stranger's text as part of a sentence: short, on one line, nothing invisible."""
    return " ".join(clean(text)[0].split())[:160]


def quoted(fault: Fault) -> str:
    text = shown(fault.message).rstrip(".")
    return f": “{text}”" if text else ""


def _wait_ms(retry_after: str) -> int:
    return min(RETRY_AFTER_MS_MAX, max(1, int(retry_after[:6])) * 1_000) if retry_after[:6].isdecimal() else 1_000
