"""Makes the embedded base model and every adapter. Renders prompts with the server's own modules."""
