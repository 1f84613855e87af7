"""Held-out figures before and after, probes of forgetting, reports."""
