"""Brings base models onto this machine: from a wheel, a hub, a folder or a file."""
