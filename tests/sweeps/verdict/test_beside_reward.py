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


def test_a_front_counts_all_trials_that_gained_and_names_those_below_the_base(tmp_path):
    """Of three trials one gained, one is dominated and gained too, and one fell."""
    rewards = {0: (0.8, 0.1), 1: (0.7, 0.2), 2: (0.05, 0.3)}
    trials = [
        ended_trial(n, "complete", {}, {"eval_reward": reward, "eval_kl": kl})
        for n, (reward, kl) in rewards.items()
    ]
    fields = {"metric": "eval_reward", "mode": "max", "other_metrics": {"eval_kl": "min"}}
    folder = write_ended(tmp_path, trials, sweep_tree(), base=BASE, **fields)
    places = {folder.base: 0.2} | {
        folder.store.trial_folder(n): reward for n, (reward, _) in rewards.items()
    }
    for place, mean in places.items():
        (place / ANSWERS).mkdir(parents=True)
        spread = (0.0 if place == folder.base else 0.1) * np.resize([1.0, -1.0], 100)
        np.savez(place / ANSWERS / VALUES, prompts=np.arange(100), eval_reward=mean + spread)
    results = Results.read(folder)
    text = conclusion(results)[1]
    assert "of 3 trials, 2 gained more than the noise of the 100 validation examples" in text
    why = {trial.number: trial.why for trial in results.ranking.left_out}
    assert why[1] == "dominated by trial 0"
    assert why[2].endswith("worse than the untouched base model (eval_reward 0.0500, there 0.2000)")
