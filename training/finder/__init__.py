"""The adapter of the finder's sentence encoder: questions as people type them, with the sentence that answers."""
