"""Each kind of advice: where it is right, and where it must be silent."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from finished_sweeps import a_search, ended_trial, results_of, sweep_tree

from results.records.branch import Branch
from sweeps.advice.linter import ADVISERS, advise
from sweeps.spec.spec import SweepSpec
from sweeps.verdict.results import Results

LOG_RATES = {"learning_rate": {"log_uniform": [1e-6, 1e-2]}}


def rates(count: int) -> list[float]:
    """Learning rates spread evenly over the range of `LOG_RATES`."""
    return [10 ** (-6 + 4 * number / (count - 1)) for number in range(count)]


def found(home, kind, trials, prepare=None, **tree) -> list[str]:
    """The changes that one kind of advice proposes; every one gives a valid sweep file."""
    results = results_of(home, trials, sweep_tree(**tree))
    if prepare:
        prepare(results.folder)
    advice = list(ADVISERS[kind].look(results))
    for each in advice:
        assert each.title and each.evidence and each.change
        if each.changes:
            SweepSpec.parse(each.applied(results.spec.tree))
    assert [a for a in advise(results) if a in advice] == advice
    return [each.change for each in advice]


def optimum_at(best: float, count: int = 20):
    """Trials whose loss is least at this learning rate."""
    return [
        ended_trial(n, "complete", {"learning_rate": rate}, 2 + (math.log10(rate / best)) ** 2)
        for n, rate in enumerate(rates(count))
    ]


def test_an_optimum_at_the_edge_of_a_range_and_one_inside(tmp_path):
    edge = found(tmp_path / "1", "edge", optimum_at(1e-1), space=LOG_RATES)
    assert edge == ["space.learning_rate: {log_uniform: [1.0e-06, 1.0]}"]
    low = found(tmp_path / "2", "edge", optimum_at(1e-7), space=LOG_RATES)
    assert low == ["space.learning_rate: {log_uniform: [1.0e-08, 0.01]}"]
    assert found(tmp_path / "3", "edge", optimum_at(1e-4), space=LOG_RATES) == []
    assert found(tmp_path / "4", "edge", optimum_at(1e-1, count=8), space=LOG_RATES) == []


def batches(best: int):
    options = (8, 16, 32)
    return [
        ended_trial(n, "complete", {"batch_size": options[n % 3]},
                    2 + abs(math.log2(options[n % 3] / best)) + n / 100)
        for n in range(21)
    ]  # fmt: skip


def test_the_last_of_several_numbers_and_one_in_the_middle(tmp_path):
    space = {"batch_size": {"choice": [8, 16, 32]}}
    at_end = found(tmp_path / "1", "edge", batches(8), space=space)
    assert at_end == ["space.batch_size: {choice: [4, 8, 16, 32]}"]
    assert found(tmp_path / "2", "edge", batches(16), space=space) == []


def test_an_edge_that_cannot_be_moved_is_no_advice(tmp_path):
    """A share ends at 1, and so does its range."""
    space = {"warmup_fraction": {"uniform": [0.5, 0.9]}}
    trials = [
        ended_trial(n, "complete", {"warmup_fraction": 0.5 + 0.4 * n / 19}, 3 - n / 19)
        for n in range(20)
    ]
    results = results_of(tmp_path, trials, sweep_tree(space=space))
    assert [a.change for a in advise(results) if "edge" in a.title] == []


def test_a_parameter_without_effect_and_one_with(tmp_path):
    (fixed,) = found(tmp_path / "1", "no_effect", shaped(lambda rate, rank: math.log10(rate)))
    assert fixed.startswith("lora.rank: ") and "in place of space.lora.rank" in fixed
    both = shaped(lambda rate, rank: math.log10(rate) + math.log2(rank))
    assert found(tmp_path / "2", "no_effect", both) == []


def shaped(loss):
    """Trials over learning rate and rank, independent of each other."""
    rng = np.random.default_rng(0)
    drawn = [(10 ** rng.uniform(-6, -2), int(rng.choice([4, 8, 16]))) for _ in range(60)]
    return [
        ended_trial(n, "complete", {"learning_rate": rate, "lora.rank": rank,
                                    "schedule": "cosine"}, 10 + loss(rate, rank))
        for n, (rate, rank) in enumerate(drawn)
    ]  # fmt: skip


def together(share: float):
    """Weight decay follows the learning rate in this share of the trials."""
    rng = np.random.default_rng(1)
    drawn = rng.uniform(0, 1, (30, 2))
    return [
        ended_trial(
            n,
            "complete",
            {
                "learning_rate": 10 ** (-6 + 4 * a),
                "optimizer.weight_decay": float(a if n < share * 30 else b),
            },
            2.0 + a,
        )
        for n, (a, b) in enumerate(drawn)
    ]


def test_parameters_that_moved_together_and_some_that_did_not(tmp_path):
    space = {**LOG_RATES, "optimizer.weight_decay": {"uniform": [0.0, 1.0]}}
    (change,) = found(tmp_path / "1", "confounded", together(1.0), space=space)
    assert change == "search.sampler: random"
    assert found(tmp_path / "2", "confounded", together(0.0), space=space) == []


def pairs(tied: bool):
    names = [("cosine", "adamw"), ("wsd", "sgd")]
    mixed = [(names[n % 2][0], names[n // 2 % 2 if not tied else n % 2][1]) for n in range(24)]
    return [
        ended_trial(n, "complete", {"schedule": schedule, "optimizer.name": optimizer}, 2.0 + n)
        for n, (schedule, optimizer) in enumerate(mixed)
    ]


def test_choices_that_moved_together_and_some_that_did_not(tmp_path):
    space = {
        "schedule": {"choice": ["cosine", "wsd"]},
        "optimizer.name": {"choice": ["adamw", "sgd"]},
    }
    assert len(found(tmp_path / "1", "confounded", pairs(tied=True), space=space)) == 1
    assert found(tmp_path / "2", "confounded", pairs(tied=False), space=space) == []


def stepped(by_batch: bool):
    def steps(batch: int) -> int:
        return 640 // batch if by_batch else 40

    return [
        ended_trial(n, "complete", {"batch_size": batch}, 2.0).with_changes(
            measurements=[{"point": 1, "step": steps(batch), "tokens": 1, "seconds": 1.0,
                           "metrics": {"eval_loss": 2.0 + n}}]
        )
        for n, batch in enumerate((8, 16, 32))
    ]  # fmt: skip


def test_a_batch_size_that_moved_the_steps_and_one_that_did_not(tmp_path):
    space = {"batch_size": {"choice": [8, 16, 32]}}
    (change,) = found(tmp_path / "1", "moved_steps", stepped(by_batch=True), space=space)
    assert yaml.safe_load(change) == {"budget.steps": 40, "budget.epochs": None}
    assert found(tmp_path / "2", "moved_steps", stepped(by_batch=False), space=space) == []


def crossing(order: str):
    """Complete trials whose order at the first rung is kept, or only from point 6 on."""
    trials = []
    for n in range(10):
        early = n if order == "kept" else (7 * n) % 10
        losses = [3 + early / 10] * 5 + [2.5 + n / 10] * 3 + [2 + n / 10]
        trials.append(ended_trial(n, "complete", {"learning_rate": 1e-4}, *losses))
    stopped = ended_trial(10, "pruned", {"learning_rate": 1e-5}, 4.0, 4.0, 4.0, points=9)
    return [*trials, stopped]


def test_early_stopping_of_curves_that_cross_and_of_curves_that_do_not(tmp_path):
    tree = {"budget": {"trials": 40, "evaluations": 9}, "search": {"early_stopping": "asha"}}
    (change,) = found(tmp_path / "1", "crossing", crossing("changes"), **tree)
    assert yaml.safe_load(change) == {"search.early_stopping_options": {"grace_period": 6}}
    assert found(tmp_path / "2", "crossing", crossing("kept"), **tree) == []
    nobody_stopped = crossing("changes")[:-1]
    assert found(tmp_path / "3", "crossing", nobody_stopped, **tree) == []


def test_few_trials_for_a_space_and_enough(tmp_path):
    assert found(tmp_path / "1", "too_few_trials", a_search(20)) == ["budget.trials: 41"]
    assert found(tmp_path / "2", "too_few_trials", a_search(40)) == []
    space = {"lora.rank": {"choice": [4, 8]}}
    all_of_them = [ended_trial(n, "complete", {"lora.rank": 4 + 4 * n}, 2.0) for n in (0, 1)]
    budget = {"trials": 2, "evaluations": 4}
    assert found(tmp_path / "3", "too_few_trials", all_of_them, space=space, budget=budget) == []


def test_an_interrupted_sweep_is_not_told_that_its_trials_are_few(tmp_path):
    folder = results_of(tmp_path, a_search(20)).folder
    folder.store.write_sweep(folder.store.sweep().with_changes(state="interrupted"))
    assert list(ADVISERS["too_few_trials"].look(Results.read(folder))) == []


def curved(*shape: float):
    return [
        ended_trial(n, "complete", {"learning_rate": rate}, *[loss + n / 50 for loss in shape])
        for n, rate in enumerate(rates(12))
    ]


def test_best_evaluations_that_came_early_and_some_at_the_end(tmp_path):
    budget = {"trials": 40, "epochs": 3, "evaluations": 4}
    early = found(tmp_path / "1", "overfits", curved(3.0, 2.0, 2.4, 2.9), budget=budget)
    assert early == ["budget.epochs: 1.5"]
    assert found(tmp_path / "2", "overfits", curved(3.0, 2.5, 2.2, 2.0), budget=budget) == []


def losses_on_disk(lead: float):
    """The winner's validation losses, better than the next trial's by `lead` standard errors."""

    def write(folder):
        rng = np.random.default_rng(2)
        base, noise = rng.normal(2, 0.5, 400), rng.normal(0, 1, 400)
        noise = (noise - noise.mean()) / noise.std()
        for number, shift in ((0, 0.0), (1, lead / 20)):
            where = folder.store.trial_folder(number) / "sequence_losses.npz"
            sums = base + number * noise + shift
            np.savez(where, loss_sums=sums, token_counts=np.ones(400, dtype=np.int64))

    return write


@pytest.mark.parametrize(("lead", "said"), [(1.0, True), (3.0, False), (0.01, False)])
def test_a_validation_set_too_small_for_the_lead_and_one_that_does(tmp_path, lead, said):
    trials = [ended_trial(n, "complete", {"learning_rate": 1e-4}, 2.0 + n / 100) for n in (0, 1)]
    changes = found(tmp_path, "small_validation", trials, prepare=losses_on_disk(lead))
    if said:
        (change,) = changes
        assert 1500 < int(change.split("about ")[1].split()[0].replace(",", "")) < 1700
    else:
        assert changes == []


def with_noise(noise: float, trained: int):
    """Eight trials 0.5 apart, whose losses of 400 examples differ by this standard deviation; each
    trained on so many tokens."""

    def write(folder):
        rng = np.random.default_rng(3)
        for number in range(8):
            own = rng.normal(0, noise / math.sqrt(2), 400)
            sums = 2.0 + 0.5 * number + own - own.mean()
            where = folder.store.trial_folder(number) / "sequence_losses.npz"
            np.savez(where, loss_sums=sums, token_counts=np.ones(400, dtype=np.int64))

    trials = [
        ended_trial(n, "complete", {"learning_rate": 1e-4}, 2.5 + 0.5 * n, 2.0 + 0.5 * n)
        for n in range(8)
    ]
    return [each.with_changes(tokens=trained) for each in trials], write


@pytest.mark.parametrize(
    ("noise", "examples", "trained", "expected"),
    [
        (2.0, "all", 700, 67),  # the spread of the trials is 1.22
        (1.0, "all", 700, 50),
        (2.0, "all", 900, None),
        (4.0, "all", 700, None),
        (2.0, 70, 700, None),
        (2.0, 8, 900, 67),
        (6.0, 8, 900, "all"),
    ],
)
def test_examples_that_comparing_trials_does_not_take_and_too_few(
    tmp_path, noise, examples, trained, expected
):
    trials, write = with_noise(noise, trained)
    tree = stopped_early(examples)
    changes = found(tmp_path, "examples", trials, prepare=write, **tree)
    if expected is None:
        assert changes == []
    else:
        (change,) = changes
        name, _, value = change.partition(": ")
        assert name == "evaluation.examples"
        assert value == expected if expected == "all" else abs(int(value) - expected) < 10


def test_the_steps_that_a_branch_took_over_count_as_training(tmp_path):
    trials, write = with_noise(2.0, 100)
    taken = Branch(trunk=0, siblings=(9,), steps=1, tokens=800)
    branches = [each.with_changes(branch=taken) for each in trials]
    assert found(tmp_path, "examples", branches, prepare=write, **stopped_early("all")) == []


def stopped_early(examples):
    return {
        "model": "org/model",
        "objective": "sft",
        "data": {"train": "org/data"},
        "budget": {"trials": 8, "evaluations": 2},
        "search": {"early_stopping": "asha"},
        "evaluation": {"examples": examples},
    }


def rated(*, diverge_from: float):
    return [
        ended_trial(n, "diverged", {"learning_rate": rate}, 3.0, math.nan)
        if rate >= diverge_from
        else ended_trial(n, "complete", {"learning_rate": rate}, 3.0, 2.0 - n / 100)
        for n, rate in enumerate(rates(21))
    ]


def test_learning_rates_that_diverge_and_a_single_accident(tmp_path):
    region = found(tmp_path / "1", "diverging", rated(diverge_from=9.9e-4), space=LOG_RATES)
    assert region == ["space.learning_rate: {log_uniform: [1.0e-06, 0.001]}"]
    scattered = rated(diverge_from=1.0)
    for number in (3, 11):
        scattered[number] = ended_trial(number, "diverged", scattered[number].params, 3.0, math.nan)
    assert found(tmp_path / "2", "diverging", scattered, space=LOG_RATES) == []


def ranked(best: int):
    return [
        ended_trial(n, "complete", {"lora.rank": rank},
                    2 + abs(math.log2(rank / best)) + n / 1000)
        for n, rank in enumerate([4, 8, 16] * 5)
    ]  # fmt: skip


def test_a_winner_with_the_largest_rank_and_one_with_less(tmp_path):
    space = {"lora.rank": {"choice": [4, 8, 16]}}
    assert found(tmp_path / "1", "largest", ranked(16), space=space) == [
        "space.lora.rank: {choice: [4, 8, 16, 32]}"
    ]
    assert found(tmp_path / "2", "largest", ranked(8), space=space) == []


def test_trials_that_still_improve_at_their_end_and_some_that_do_not(tmp_path):
    budget = {"trials": 40, "steps": 100, "evaluations": 4}
    improving = found(tmp_path / "1", "undertrained", curved(3.0, 2.6, 2.3, 2.0), budget=budget)
    assert improving == ["budget.steps: 200"]
    assert found(tmp_path / "2", "undertrained", curved(3.0, 2.1, 2.02, 2.0), budget=budget) == []


def test_every_kind_is_covered_here():
    text = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{name}"' in text for name in ADVISERS)
    assert len(ADVISERS) == 12


def test_nothing_is_advised_without_a_complete_trial_or_a_spec(tmp_path):
    trials = [ended_trial(0, "failed", {"learning_rate": 1e-4})]
    assert advise(results_of(tmp_path / "1", trials)) == []
    results = results_of(tmp_path / "2", a_search(40))
    results.folder.spec.unlink()
    assert advise(type(results).read(results.folder)) == []
