"""Stands in for `python -m training` under the real server: prints progress, waits, hands in an adapter.

stage.mjs copies it to where the server's child finds it before the real package.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path

STEPS = 200
USER = Path(os.environ["RETINUE_USER_DIR"])
SHIPPED = Path(os.environ["RETINUE_ADAPTERS_DIR"]) / "general" / "_adapters"


def say(event: str, **fields: object) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def step_to(last: int, first: int = 1) -> None:
    for step in range(first, last + 1):
        say("step", epoch=1, step=step, steps=STEPS, loss=2.0)
        time.sleep(0.01)


copilot = sys.argv[2]
base = Path(sys.argv[sys.argv.index("--base") + 1]).name
say("start", copilot=copilot, base=base)
step_to(STEPS * 42 // 100)
while not (USER / "go").exists():
    time.sleep(0.02)
step_to(STEPS, first=STEPS * 42 // 100 + 1)
say("measuring")
shutil.copytree(SHIPPED / base, USER / "copilots" / copilot / "_adapters" / base)
say(
    "done", active=True, reason="It gained on held-out pages.", general_rise=-0.05,
    loss={"before": 1.9, "after": 1.2}, checks={"before": 0.4, "after": 0.8},
)  # fmt: skip
