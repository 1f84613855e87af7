"""The user's own copilots, written from the sidebar: drafts and their faults, the files, undo, one-file exports."""
