"""The migrations. A new one is a new file; one that was released is never changed."""
