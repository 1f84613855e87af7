"""The engine of this machine: one thread that owns the tensors, scheduler, KV cache, adapters."""
