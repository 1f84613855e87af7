"""`python -P -m server`, the same as `retinue`."""

from server.cli import main

main()
