"""The optimisation of an adapter: loop, shared page prefixes, memory, checkpoints."""
