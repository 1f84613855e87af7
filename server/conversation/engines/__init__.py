"""Engines and bases from the sidebar: what runs, another one in its place, bases to be had, a server elsewhere."""
