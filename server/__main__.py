"""`python -P -m server`, the same as `retinue`."""

from server.cli.main import main

main()
