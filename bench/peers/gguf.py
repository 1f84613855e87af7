"""`python -m bench.peers.gguf LLAMA_CPP convert_hf_to_gguf.py …`: the peer's own converter, told to take our tokenizer.

It refuses byte-level tokenizers that it has not met; ours splits words as GPT-2's does.
"""

import runpy
import sys
from pathlib import Path

SPLITTING_RULE = "gpt-2"


def _no_sentencepiece(self: object, add_to_gguf: bool = True) -> None:
    """It looks for such a tokenizer first, and would need a package for it that we do not."""
    raise FileNotFoundError


def main() -> None:
    llama_cpp, script, *arguments = sys.argv[1:]
    sys.path[:0] = [llama_cpp, str(Path(llama_cpp) / "gguf-py")]
    from conversion.base import TextModel  # type: ignore[import-not-found]

    TextModel._set_vocab_sentencepiece = _no_sentencepiece
    TextModel.get_vocab_base_pre = lambda self, tokenizer: SPLITTING_RULE
    sys.argv = [script, *arguments]
    runpy.run_path(str(Path(llama_cpp) / script), run_name="__main__")


if __name__ == "__main__":
    main()
