"""The sentence that says whether training was worth it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from finished_sweeps import ended_trial, sweep_tree, write_ended

from results.ranking.winners import rank
from sweeps.verdict.conclusion import conclusion
from sweeps.verdict.results import Results
from sweeps.verdict.without_training import without_training

METRIC = "eval_token_f1"


def of(number: int, method: str, value: float, status: str = "complete"):
    return ended_trial(number, status, {"method": method}, {METRIC: value})


def said(tmp_path, *records, answers: dict[int, list[float]] | None = None) -> str:
    folder = write_ended(tmp_path, records, sweep_tree(), metric=METRIC, mode="max")
    for number, values in (answers or {}).items():
        place = folder.store.trial_folder(number) / "answers"
        place.mkdir(parents=True)
        prompts = np.arange(len(values))
        np.savez(place / "values.npz", prompts=prompts, **{METRIC: np.array(values)})
    return without_training(folder.sweep_record(), rank(records, METRIC, "max"), folder)


@pytest.mark.parametrize("untrained", ["none", "few_shot", "rag"])
def test_no_training_beats_the_best_trial_without_it(tmp_path, untrained):
    records = [of(0, "lora", 0.5), of(1, untrained, 0.75), of(2, "full", 0.6), of(3, "none", 0.1)]
    assert said(tmp_path, *records) == (
        f"No trained trial is better than trial 1 ({untrained}), which trains nothing: the best of "
        "them, trial 2, is 0.1500 behind."
    )


def test_its_error_is_that_of_the_mean_difference_over_the_prompts(tmp_path):
    lora, rag = [0.1, 0.5, 0.4, 0.2], [0.9, 0.6, 0.45, 0.8]
    differences = [b - a for a, b in zip(lora, rag, strict=True)]
    mean = sum(differences) / 4
    error = math.sqrt(sum((each - mean) ** 2 for each in differences) / 3 / 4)
    records = [of(0, "lora", sum(lora) / 4), of(1, "rag", sum(rag) / 4)]
    assert said(tmp_path, *records, answers={0: lora, 1: rag}) == (
        "No trained trial is better than trial 1 (rag), which trains nothing: the best of them, "
        f"trial 0, is {mean:.4f} ± {error:.4f} behind, {mean / error:.1f} standard errors."
    )


def test_a_lead_of_no_training_within_the_noise_is_doubted(tmp_path):
    lora, rag = [0.9, 0.1, 0.8, 0.3], [0.2, 0.9, 0.6, 0.9]
    records = [of(0, "lora", sum(lora) / 4), of(1, "rag", sum(rag) / 4)]
    words = said(tmp_path, *records, answers={0: lora, 1: rag})
    assert words.startswith("No trained trial is better than trial 1 (rag), which ")
    assert words.endswith("standard errors: too small to say which of the two is better.")


def test_a_lead_that_was_not_measured_by_prompts_is_only_told(tmp_path):
    assert said(tmp_path, of(0, "lora", 0.5), of(1, "none", 0.4)) == (
        f"Without training, the best is trial 1 (none) with {METRIC} 0.4000: 0.1000 behind trial 0."
    )


def test_equals_are_said_to_be_equal(tmp_path):
    assert said(tmp_path, of(0, "lora", 0.5), of(1, "rag", 0.5)) == (
        "No trained trial is better than trial 1 (rag), which trains nothing: the best of them, "
        "trial 0, is exactly as good."
    )


def test_training_that_is_surely_better_is_worth_it(tmp_path):
    lora, none = [0.9, 0.8, 0.95, 0.9], [0.1, 0.05, 0.12, 0.11]
    records = [of(0, "lora", sum(lora) / 4), of(1, "none", sum(none) / 4), of(2, "none", 0.01)]
    words = said(tmp_path, *records, answers={0: lora, 1: none})
    assert words.startswith(
        "Training helps: without it, the best is trial 1 (none) with "
        f"{METRIC} {sum(none) / 4:.4f}, "
    )
    assert "behind trial 0, " in words and words.endswith("standard errors.")


def test_a_lead_within_the_noise_does_not_show_that_training_helps(tmp_path):
    lora, none = [0.9, 0.1, 0.8, 0.3], [0.2, 0.8, 0.1, 0.9]
    records = [of(0, "lora", sum(lora) / 4), of(1, "none", sum(none) / 4)]
    words = said(tmp_path, *records, answers={0: lora, 1: none})
    assert words.startswith("Training may not be needed: without it, the best is trial 1 (none) ")
    assert words.endswith("standard errors: too small to say that training helps.")


@pytest.mark.parametrize(
    "records",
    [
        [of(0, "lora", 0.5), of(1, "full", 0.6)],
        [of(0, "none", 0.5), of(1, "rag", 0.6)],
        [of(0, "lora", 0.5), of(1, "rag", 0.9, "failed")],
    ],
)
def test_without_complete_trials_of_both_kinds_nothing_is_said(tmp_path, records):
    assert said(tmp_path, *records) == ""


def concluded(tmp_path, *records) -> str:
    folder = write_ended(tmp_path, records, sweep_tree(), metric=METRIC, mode="max")
    sweep = folder.sweep_record().model_copy(update={"base": {METRIC: 0.5}})
    return " ".join(conclusion(Results(folder, sweep, records)))


def test_what_trained_nothing_is_not_said_to_depend_on_a_seed_of_training(tmp_path):
    words = concluded(tmp_path, of(0, "rag", 0.7), of(1, "none", 0.5), of(2, "lora", 0.4))
    assert "0.2000 better than the untouched base model" in words
    assert "trained once" not in words and "looks better than it is" in words
    assert "trained once" in concluded(tmp_path / "b", of(0, "rag", 0.7), of(1, "lora", 0.6))


def test_what_trained_nothing_is_not_blamed_on_training(tmp_path):
    words = concluded(tmp_path, of(0, "rag", 0.3), of(1, "few_shot", 0.2))
    assert "0.2000 WORSE than the untouched base model" in words and "training" not in words
