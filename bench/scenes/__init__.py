"""What is done with them: one question, many at once, swaps, endless use."""
