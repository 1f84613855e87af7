"""A person's questions about pages: sessions, runs, page reading, evidence."""
