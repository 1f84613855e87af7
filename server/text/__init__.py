"""Pages, prompts, finding, quotations: characters only. Knows no model, no socket and no file of a copilot."""
