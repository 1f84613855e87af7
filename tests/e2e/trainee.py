"""Stands in for `python -m training` under the real server: prints progress, waits, hands in an adapter with a report.

stage.mjs copies it to where the server's child finds it before the real package. Killed, it goes on where it was.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path

from server.catalog import versions
from server.catalog.teaching.corrections import Corrections

STEPS, EPOCHS, HELD_AT = 200, 4, 42
USER = Path(os.environ["RETINUE_USER_DIR"])
SHIPPED = Path(os.environ["RETINUE_ADAPTERS_DIR"]) / "general" / "_adapters"
CHECKPOINT = USER / "stand-in-step"


def say(event: str, **fields: object) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def heldout_loss(epoch: int) -> float:
    return round(1.9 - 0.7 * (1 - 0.5**epoch), 4)


def epoch(number: int) -> None:
    say("epoch", epoch=number, of=EPOCHS, heldout_loss=heldout_loss(number), train_loss=1.5)


def step_to(last: int, first: int) -> None:
    for step in range(first, last + 1):
        say("step", epoch=1 + step * EPOCHS // STEPS, step=step, steps=STEPS, loss=round(2.1 * 0.995**step, 4))
        if step % (STEPS // EPOCHS) == 0:
            epoch(step * EPOCHS // STEPS)
        CHECKPOINT.write_text(str(step))
        time.sleep(0.01)


def report(taught: list[dict[str, object]]) -> dict[str, object]:
    def change(before: float, after: float, low: float, high: float, examples: int) -> dict[str, object]:
        return {"before": before, "after": after, "ci95": [low, high], "examples": examples}

    sample = {
        "question": "How strong is the evidence?",
        "before": "Strong.",
        "after": 'Moderate: "one trial" [3]',
    }
    return {
        "active": True, "reason": "It gained on held-out pages.", "taught": taught, "samples": [sample],
        "heldout": {"examples": 48, "pages": 9},
        "loss": change(1.9, 1.2, -0.8, -0.6, 48), "checks": change(0.4, 0.8, 0.21, 0.55, 48),
        "evidence": change(0.61, 0.66, -0.04, 0.12, 40), "abstention": {"right": change(0.9, 0.9, 0, 0, 0)},
        "forgetting": {"general": change(1.0, 0.98, -0.03, -0.01, 60)},
    }  # fmt: skip


copilot = sys.argv[2]
base = Path(sys.argv[sys.argv.index("--base") + 1]).name
own = USER / "copilots" / copilot / "_adapters" / base
say("start", copilot=copilot, base=base)
done = int(CHECKPOINT.read_text()) * EPOCHS // STEPS * STEPS // EPOCHS if CHECKPOINT.exists() else 0  # an epoch's end
if done:
    passed = [{"epoch": number, "heldout_loss": heldout_loss(number)} for number in range(done * EPOCHS // STEPS + 1)]
    say("resumed", step=done, of=EPOCHS, epochs=passed)
else:
    epoch(0)
step_to(STEPS * HELD_AT // 100, first=done + 1)
while not (USER / "go").exists():
    time.sleep(0.02)
step_to(STEPS, first=max(done, STEPS * HELD_AT // 100) + 1)
say("measuring")
learnt = [{"id": one.id, "changed_ms": one.changed_ms, "split": "train"} for one in Corrections(USER).of(copilot)]
with versions.writing(own) as made:
    shutil.copytree(SHIPPED / base, made, dirs_exist_ok=True)
    (made / "report.json").write_text(json.dumps(report(learnt)))
    versions.put_in_use(made, own)
CHECKPOINT.unlink()
say(
    "done", active=True, reason="It gained on held-out pages.", general_rise=-0.05,
    loss={"before": 1.9, "after": 1.2}, checks={"before": 0.4, "after": 0.8},
)  # fmt: skip
