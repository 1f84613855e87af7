"""A tiny base with random weights, made in about a second: a Llama (or a Qwen3, for its query and key norms) and a
byte-level BPE tokenizer trained on the text below. The same each time. Called by fixtures; nothing is downloaded.
"""

from functools import cache
from pathlib import Path
from typing import Literal

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)  # fmt: skip

CONTROLS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")  # ids 0, 1 and 2
PAD, START, END = range(3)
VOCABULARY = 1_024
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_SIZES = {
    "vocab_size": VOCABULARY, "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
    "intermediate_size": 96, "tie_word_embeddings": True, "bos_token_id": None, "eos_token_id": END,
    "pad_token_id": PAD,
}  # fmt: skip
_TEXT = """
Answer from the page below. Cite blocks as [1], [2] or [12]. Quote them word for word in double quotes. If the page
does not say it, answer: The page does not say. Page: Terms of the lease. Likely passages: [3] What the page lacks is
said to be not on the page. system, user and assistant each have their own turn.

This agreement begins on the first day of March and shall renew for one year unless a party gives sixty days’ notice.
Either party may terminate it for a material breach that is not cured within thirty days. Fees are due from the date of
the invoice; late fees are charged each month. "The term is two years" [2], and "the fee is fixed" [3]. Verdict: low.
The seller shall deliver the goods to the buyer's address, and returns are free for thirty days after delivery. Nobody
may share what is confidential. Which law applies? The law of the place where the landlord has a harness. “Net” means
without tax. What happens when the tenant leaves early? They keep the deposit; see section 4 (b), page 7.

The kettle is made of steel and holds two litres of water. It weighs one kilogram, boils fast and comes in red, green
or blue. A lamp of oak and brass stands beside the chair, whose seat is woven from paper cord. The bulb is not included.
How heavy is it? Who made it, and what does it cost? The ticket costs four euros. Ask the seller about the colours. Shop
review: quote the page, then say whether the claim is true: "The bulb is not included." [2] Ask the seller.

A trial with three hundred patients showed that the drug lowers blood pressure a little; its effect on sleep was weak.
Half of them took it in the morning, the others before night. Most people had no side effects, but some felt dizzy. Is
this proven? There is some evidence, though the study was small and its makers paid for it. People with heart disease
should speak to a doctor first. Health news often says more than a study found.

The boat leaves the harbour at nine and comes back in the evening. From the town a narrow road goes over the old bridge,
through the forest and along the river to the mountain hut, where hikers can eat soup, bread and cheese. Children love
the frogs in the garden pond. Every Friday there is a market with apples, honey, fish and flowers; musicians play until
the last bus goes. The library opens on Monday and Thursday, the museum every day but Sunday. It snowed early that year.

List the key facts with quotes. What is this page about? Write a short text for young readers: two sentences, no jargon,
friendly and clear. Sum up who, where, why and how much. Number one, number two, block number three says something else.
Yes, this works. No, that cannot be. Please be brief. Naïve café owners don't know, we're sure; they'll learn. Good!
"""


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    """VOCABULARY tokens: the three controls, every byte, and pieces of the words above. Digits stand alone."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=list(CONTROLS), initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator([" ".join(_TEXT.split())], trainer)
    assert made.get_vocab_size() == VOCABULARY
    pad, _, end = CONTROLS
    return PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token=end, pad_token=pad, chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )  # fmt: skip


def make_base(
    folder: Path, *, family: Literal["llama", "qwen3"] = "llama", layers: int = 2, context: int = 1_024,
    spread: float = 0.1,
) -> Path:  # fmt: skip
    """Writes weights, configuration and tokenizer into `folder`. Weights ~ N(0, spread): the wider, the surer of a
    token the model is.
    """
    torch.manual_seed(0)
    sizes = {
        **_SIZES, "num_hidden_layers": layers, "max_position_embeddings": context, "initializer_range": spread,
    }  # fmt: skip
    model = LlamaForCausalLM(LlamaConfig(**sizes)) if family == "llama" else Qwen3ForCausalLM(Qwen3Config(**sizes))
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def make_encoder(folder: Path, *, hidden: int = 16) -> Path:
    """A BERT of two small layers with random weights and the tokenizer above, for the finder."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY, hidden_size=hidden, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=2 * hidden, max_position_embeddings=256,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder
