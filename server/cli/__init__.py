"""The commands of `retinue`."""
