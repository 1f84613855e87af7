"""How the tables came to be, one file a step in `versions`. Run by alembic at every start (see database)."""
