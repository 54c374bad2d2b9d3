"""What the verdict says beside a reward: distance, length, forgetting, and a judge held out."""

from __future__ import annotations

import numpy as np
import pytest
from finished_sweeps import ended_trial, sweep_tree, write_ended

from sweeps.verdict.conclusion import conclusion
from sweeps.verdict.results import Results
from trainables.board.job import ANSWERS
from trainables.training.generation.files import VALUES

BASE = {
    "eval_reward": 0.2,
    "eval_kl": 0.0,
    "eval_answer_tokens": 40.0,
    "eval_ended": 0.9,
    "eval_general_loss": 2.5,
    "eval_rouge_l": 0.5,
}
TRAINED = {
    "eval_reward": 0.8,
    "eval_kl": 0.25,
    "eval_answer_tokens": 90.0,
    "eval_ended": 0.4,
    "eval_general_loss": 2.75,
}


def found(tmp_path, judged: float, noise: float = 0.0, objective: str = "grpo") -> str:
    config = {"objective": objective, "rl.held_out": "eval_rouge_l", "budget.evaluations": 1}
    metrics = {**TRAINED, "eval_rouge_l": judged}
    trial = ended_trial(3, "complete", {"learning_rate": 1e-3}, metrics, config=config)
    fields = {"metric": "eval_reward", "mode": "max", "base": BASE}
    folder = write_ended(tmp_path, [trial], sweep_tree(), **fields)
    spread = noise * np.resize([1.0, -1.0], 100)
    for place, mean in ((folder.base, 0.5), (folder.store.trial_folder(3), judged)):
        (place / ANSWERS).mkdir(parents=True)
        values = mean + (spread if place != folder.base else 0.0)
        values = np.broadcast_to(values, 100)
        np.savez(place / ANSWERS / VALUES, prompts=np.arange(100), eval_rouge_l=values)
    return conclusion(Results.read(folder))[1]


def test_the_reward_stands_beside_distance_length_forgetting_and_the_judge(tmp_path):
    assert (
        "Beside its reward, from the base to trial 3: eval_reward 0.2 -> 0.8, eval_kl 0.25, "
        "eval_answer_tokens 40 -> 90, eval_ended 0.9 -> 0.4, eval_general_loss 2.5 -> 2.75, "
        "eval_rouge_l 0.5 -> 0.6 (+0.1000 ± 0.0101, held out)."
    ) in found(tmp_path, judged=0.6, noise=0.1)


@pytest.mark.parametrize(
    ("judged", "noise", "doubts"), [(0.3, 0.1, True), (0.49, 0.9, False), (0.6, 0.1, False)]
)
def test_a_reward_that_a_held_out_judge_does_not_share_may_be_fooled(
    tmp_path, judged, noise, doubts
):
    said = found(tmp_path, judged, noise)
    assert ("The reward may be fooled: by eval_rouge_l" in said) is doubts


def test_other_objectives_have_no_reward_to_stand_beside(tmp_path):
    assert "Beside its reward" not in found(tmp_path, judged=0.3, objective="sft")
