"""Continues all weights of a base on instruction data."""
