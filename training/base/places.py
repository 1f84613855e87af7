"""Deep supervision for finding sentences: in the middle of the network every page token names its sentence's start.

To answer with a quotation a model has to get from the word that matches a question to the words with which
its sentence begins. A small model hardly discovers that from answers; asked at every page token it learns it
within minutes (deep supervision: Lee et al. 2015). The heads serve training only, the base is saved without them.
"""

import re

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

from training.base.rows import PAGE

WEIGHT = 0.2  # of this loss beside that of the answers
SHARE = 0.2  # of page tokens that are asked
WORDS = 2  # first tokens of the sentence, one head for each
SHARPNESS = 4.0
_END = re.compile(r"[.!?;:][”\")]*$")
_BEGIN = re.compile(r" ?[A-Z“(\d-]")


class PlaceHeads(nn.Module):
    """One linear map for each of the first WORDS tokens, from the hidden state after `layer` to the embedding."""

    ends: Tensor
    begins: Tensor

    def __init__(self, tokenizer: PreTrainedTokenizerBase, *, hidden: int, layers: int) -> None:
        super().__init__()
        self.layer = max(1, 3 * layers // 8)
        self.heads = nn.ModuleList(nn.Linear(hidden, hidden, bias=False) for _ in range(WORDS))
        texts = [str(tokenizer.decode([token])) for token in range(len(tokenizer))]
        self.register_buffer("ends", torch.tensor([bool(_END.search(text)) for text in texts]), persistent=False)
        self.register_buffer("begins", torch.tensor([bool(_BEGIN.match(text)) for text in texts]), persistent=False)

    def sentence_starts(self, ids: Tensor, kinds: Tensor) -> Tensor:
        """For every token the place where its sentence, or else its block, began; all are [rows, tokens].

        A sentence begins behind a block's number, and with a capital or digit behind an end mark.
        """
        page = kinds == PAGE
        before, page_before = F.pad(ids[:, :-1], (1, 0)), F.pad(page[:, :-1], (1, 0))
        starts = page & (~page_before | (self.ends[before] & self.begins[ids]))
        places = torch.arange(ids.shape[1], device=ids.device)
        return torch.where(starts, places, 0).cummax(dim=1).values

    def forward(self, hidden: Tensor, ids: Tensor, kinds: Tensor, embedding: Tensor) -> Tensor:
        """Cross-entropy of the sentence's first tokens; hidden: [rows, tokens, channels]."""
        starts = self.sentence_starts(ids, kinds)
        places = torch.arange(ids.shape[1], device=ids.device)
        asked = (kinds == PAGE) & (places > starts + WORDS - 1) & (torch.rand(ids.shape, device=ids.device) < SHARE)
        rows = asked.nonzero()[:, 0]
        states = F.rms_norm(hidden[asked].float(), (hidden.shape[-1],))
        loss = hidden.new_zeros((), dtype=torch.float32)
        for word, head in enumerate(self.heads):
            logits = F.linear(head(states).to(embedding.dtype), SHARPNESS * embedding.detach())
            targets = ids[rows, starts[asked] + word]
            loss = loss + F.cross_entropy(logits.float(), targets, reduction="sum") / max(1, len(targets))
        return loss
