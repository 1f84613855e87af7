"""Kept conversations: one SQLite file in the user's data folder, searched as full text. `keeper` is the way in."""
