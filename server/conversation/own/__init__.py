"""Copilots of the user: drafts, files, and the documents that one of them learns from."""
