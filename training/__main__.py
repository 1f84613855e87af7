"""`python -m training`."""

from training.cli.main import app

app()
