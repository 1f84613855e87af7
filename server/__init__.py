"""Retinue's local server: one base model, many copilots, answers that quote the page."""

__version__ = "0.1.0"
