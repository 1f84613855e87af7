"""What vLLM 0.32 and llama.cpp's server sent when they were asked by token ids, with other ids in it."""

from collections.abc import Sequence
from typing import Any

from tests.server.remote.standin import event


def llamacpp_ids(pieces: Sequence[Sequence[int]], *, end: str = "eos", cached: int = 3, log_p: float | None = None,
                 model: str = "smol") -> bytes:  # fmt: skip
    """`/completion`: the end token comes as a piece, then the figures in an event of their own; there is no [DONE]."""
    said: list[dict[str, Any]] = [
        {"index": 0, "content": "x", "tokens": list(ids), "stop": False, "id_slot": -1, "tokens_predicted": 1,
         "tokens_evaluated": 11, "timings": {"cache_n": cached, "prompt_n": 8}}
        for ids in pieces
    ]  # fmt: skip
    if log_p is not None:
        said[0]["completion_probabilities"] = [{"id": pieces[0][0], "token": "x", "logprob": log_p, "top_logprobs": []}]
    last = {"index": 0, "content": "", "tokens": [], "id_slot": 0, "stop": True, "model": model, "tokens_predicted": 4,
            "tokens_evaluated": 11, "generation_settings": {"lora": []}, "truncated": False, "stop_type": end,
            "stopping_word": "", "tokens_cached": 14, "timings": {"cache_n": cached, "prompt_n": 11}}  # fmt: skip
    return b"".join(event(one) for one in [*said, last])


def vllm_ids(pieces: Sequence[Sequence[int]], *, end: str = "stop", cached: int = 0, log_p: float | None = None,
             model: str = "smol") -> bytes:  # fmt: skip
    """`/v1/completions` with `return_token_ids`: the reason comes with the last ids, the figures after it."""
    head = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": model}
    said = [
        {**head, "usage": None, "choices": [
            {"index": 0, "text": "x", "logprobs": None, "finish_reason": None, "stop_reason": None,
             "prompt_token_ids": None, "token_ids": list(ids)}]}
        for ids in pieces
    ]  # fmt: skip
    last: dict[str, Any] = said[-1]["choices"][0]  # type: ignore[index]
    last["finish_reason"] = end
    if log_p is not None:
        said[0]["choices"][0]["logprobs"] = {"tokens": ["x"], "token_logprobs": [log_p]}  # type: ignore[index]
    figures = {**head, "choices": [], "usage": {"prompt_tokens": 31, "total_tokens": 35, "completion_tokens": 4,
                                                "prompt_tokens_details": {"cached_tokens": cached}}}  # fmt: skip
    return b"".join(event(one) for one in [*said, figures]) + event("[DONE]")
