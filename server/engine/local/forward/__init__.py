"""One step of the base model: packed rows, attention over shared segments, number formats."""
