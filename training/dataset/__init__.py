"""Examples of a copilot: read, validated, rendered into tokens."""
