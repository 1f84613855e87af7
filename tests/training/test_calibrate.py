"""How sure an adapter must be to say that the page does not say."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from server.conversation.evidence import OPENING_TOKENS
from server.text.checks import ABSTAIN
from training import make
from training.calibrate import Calibration, calibrate
from training.dataset.render import Rendered
from training.fit import adapter
from training.fit.loop import new_adapter
from training.fit.prefix import PrefixCache
from training.job import Job
from training.material import Material
from training.measure import calibrate as measure
from training.measure.calibrate import FALSE_SHARE_MAX, LEAST_MIN, calibrated, opening_probabilities, threshold


def test_the_threshold_lies_in_the_gap_above_what_may_be_abstained_from() -> None:
    answered = np.linspace(0.0, 0.3, 100)
    probabilities = np.concatenate([answered, [0.05, 0.5, 0.6, 0.9]])
    wanted = np.arange(len(probabilities)) >= 100

    least = threshold(probabilities, wanted)

    assert (answered >= least).mean() <= FALSE_SHARE_MAX
    assert (probabilities[wanted] >= least).sum() == 3
    assert answered[-4] < least < answered[-3]


def test_few_questions_allow_no_false_abstention() -> None:
    assert threshold(np.array([0.1, 0.4, 0.2, 0.8]), np.array([False, False, True, True])) == pytest.approx(0.6)


def test_where_nothing_parts_them_nothing_is_abstained_from() -> None:
    assert threshold(np.array([0.2, 0.9]), np.array([True, False])) == 1.0


def test_a_threshold_is_never_so_low_that_chance_reaches_it() -> None:
    assert threshold(np.array([0.001, 0.002]), np.array([False, True])) == LEAST_MIN


def test_the_probability_is_that_of_the_first_words_after_this_very_prompt(job: Job) -> None:
    material = Material(job)
    plain, same = (adapter.load_base(job.base, dtype="float32") for _ in range(2))
    model = new_adapter(same, job.recipe, user_header=material.layout.user_header)  # does nothing untrained

    found = opening_probabilities(model, PrefixCache(model), material.heldout, material.layout)

    assert found == pytest.approx([slowly(plain, row, material) for row in material.heldout], rel=1e-3)


def slowly(base: torch.nn.Module, row: Rendered, material: Material) -> float:
    opening = material.layout.text(ABSTAIN)[:OPENING_TOKENS]
    prompt = [*row.prefix, *row.suffix[: row.answer_at]]
    with torch.no_grad():
        logits = base(torch.tensor([[*prompt, *opening]])).logits[0].log_softmax(-1)
    return float(sum(logits[len(prompt) - 1 + place, token] for place, token in enumerate(opening)).exp())


def test_with_too_few_questions_nothing_is_calibrated(job: Job) -> None:
    material = Material(job)
    model = new_adapter(
        adapter.load_base(job.base, dtype="float32"), job.recipe, user_header=material.layout.user_header
    )

    found = calibrated(model, PrefixCache(model), material.heldout, material.layout)
    assert found == {"abstain_least": None, "abstain_least_plain": None}


def test_training_keeps_it_with_the_adapter_and_so_does_calibrating_later(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "ABSTAINING_MIN", 1)
    make.train(job, on_event=lambda event: None)
    file = job.out / "lock.json"
    trained = json.loads(file.read_text())
    assert LEAST_MIN <= trained["abstain_least"] <= 1

    file.write_text(json.dumps(trained | {"abstain_least": None}))
    again = Calibration(folder=job.out, base=job.base, data=job.data, encoder=job.encoder, copilots=job.copilots)
    found = calibrate(again)

    assert found == {"abstain_least": pytest.approx(trained["abstain_least"], abs=0.02), "abstain_least_plain": None}
    assert json.loads(file.read_text()) == trained | found


def test_questions_without_instructions_are_calibrated_apart(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "ABSTAINING_MIN", 1)
    material = Material(job)
    model = new_adapter(
        adapter.load_base(job.base, dtype="float32"), job.recipe, user_header=material.layout.user_header
    )
    monkeypatch.setattr(measure, "threshold", lambda probabilities, wanted, most: float(len(wanted)))
    rows = [*material.heldout, replace(material.heldout[1], instructed=False)]

    found = calibrated(model, PrefixCache(model), rows, material.layout)

    assert material.heldout[1].example.kind == "abstain"
    assert found == {"abstain_least": 3.0, "abstain_least_plain": 1.0}


def test_the_folder_is_that_of_an_adapter(job: Job, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"lock\.json"):
        calibrate(Calibration(folder=tmp_path, base=job.base, data=job.data, encoder=None, copilots=job.copilots))
