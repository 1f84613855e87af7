"""Puts a long conversation about a page into a history: `python seed_threads.py USER_DIR ADDRESS TITLE TURNS`."""

import sys
import time
from pathlib import Path

from server.conversation.threads.address import normalised
from server.conversation.threads.database import open_database
from server.conversation.threads.store import Store
from server.settings import Settings
from tests.server.conversation.threads.history import fill, new_turn

folder, address, title, turns = sys.argv[1:]
now_ms = int(time.time() * 1000)
store = Store(open_database(Path(folder), stamp="x", aside=print), Settings(user_dir=folder), now_ms=lambda: now_ms)
first = new_turn("long", address=normalised(address), title=title, asked_ms=now_ms, ended_ms=now_ms)
answers = [
    f'Answer {n}: the agreement is governed by the laws of a state. "two years" [2]\n\n- one\n- two'
    for n in range(1, int(turns))
]
fill(store, first, answers)
store.close()
print("seeded")
