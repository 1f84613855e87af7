"""Measurements. Each prints medians and, where there is a peer, the ratio to it in the same run."""
