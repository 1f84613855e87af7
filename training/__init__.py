"""Makes every adapter, and tunes bases. Renders prompts with the server's own modules."""
