"""Starting with the machine: one module for each system, and what registers with them."""
