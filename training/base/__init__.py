"""The embedded base model from a corpus: tokenizer, page-grounded rows, pretraining, held-out figures."""
