"""Measurements: our server and its peers, on one machine, in one run. `python -m bench --help`."""

import os

# Before transformers is imported: it must look for nothing on the hub, and draw no bars into our output.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
