"""What a sweep takes over from earlier ones, and what of that a sampler is told."""

from __future__ import annotations

import math
import shutil
from types import SimpleNamespace

import pytest
from finished_sweeps import ended_trial, sweep_tree, write_ended
from optuna.trial import TrialState
from spec_samples import problems_of

from results.records.record import Provenance
from sweeps.base.errors import SweepError
from sweeps.home.home import SweepHome
from sweeps.run.warm_start import read_earlier, take_over
from sweeps.search.study import StudyBook, open_study
from sweeps.spec.spec import SweepSpec

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 5e-3)


def tree_after(*names: str, **changes) -> dict:
    search = {"seed": 1, "early_stopping": "none", "warm_start": list(names)}
    return sweep_tree(**{"name": "new", "search": search, **changes})


def earlier_tree(**changes) -> dict:
    return sweep_tree(**{"name": "first", **changes})


def whole(number: int, rate: float, loss: float, status: str = "complete", **params):
    """A trial with its whole configuration, as a driver records it."""
    spec = SweepSpec.parse(earlier_tree())
    params = {"learning_rate": rate, "lora.rank": 8, "schedule": "cosine", **params}
    config = spec.trial.with_params({**params, "seed": number}).flat()
    return ended_trial(number, status, params, loss + 1, loss, config=config)


def a_first_sweep(home, **changes):
    trials = [whole(n, rate, 2.0 - n / 10) for n, rate in enumerate(RATES)]
    return write_ended(home, trials, earlier_tree(), **changes)


def taken(home, **changes):
    spec = SweepSpec.parse(tree_after("first", **changes))
    return spec, take_over(read_earlier(spec, SweepHome(home)), spec, None)


def loss_of(rate: float) -> float:
    return 1 + abs(math.log10(rate) + 4)


def searched(book: StudyBook, spec: SweepSpec, trials: int) -> list[float]:
    """The learning rates of a search, one trial after the other."""
    rates = []
    for number in range(trials):
        rates.append(book.draw(spec.space)[1]["learning_rate"])
        book.ended(ended_trial(number, "complete", {}, loss_of(rates[-1])))
    return rates


def refusal(home, tree: dict) -> str:
    with pytest.raises(SweepError) as refused:
        read_earlier(SweepSpec.parse(tree), SweepHome(home))
    return str(refused.value)


def test_records_with_constants_that_their_optimizer_lacks_are_of_the_same_configuration(tmp_path):
    """As records once had them."""
    sgd = {"optimizer": {"name": "sgd"}}
    trial = whole(0, RATES[0], 2.0, **{"optimizer.name": "sgd"})
    more = {"optimizer.beta2": 0.999, "optimizer.epsilon": 1e-8}
    assert not more.keys() & trial.config.keys()
    other = {"optimizer.beta1": 0.5}
    trials = [
        trial.model_copy(update={"number": number, "config": {**trial.config, **each}})
        for number, each in enumerate((more, other))
    ]
    write_ended(tmp_path, trials, earlier_tree(**sgd))
    (first,) = taken(tmp_path, **sgd)[1].sweeps
    assert str(first).startswith("first: 1 trial told to the sampler")
    assert first.not_told == {"other optimizer.beta1": 1}


def test_trials_of_the_same_configuration_are_told_as_what_they_are(tmp_path):
    a_first_sweep(tmp_path)
    spec, warm = taken(tmp_path)
    (first,) = warm.sweeps
    assert str(first) == "first: 5 trials told to the sampler; 1 trial to try first"
    study = open_study(spec, tmp_path / "journal", warm=warm)
    told = study.get_trials()[:5]
    assert [t.state for t in told] == [TrialState.COMPLETE] * 5
    assert [t.value for t in told] == pytest.approx([2.0, 1.9, 1.8, 1.7, 1.6])
    assert [t.params["learning_rate"] for t in told] == pytest.approx(RATES)
    assert told[3].user_attrs == {"earlier_trial": "first/3"}
    assert told[0].intermediate_values == {1: 3.0, 2: 2.0}


def test_the_sweeps_own_trials_begin_at_0_with_the_best_earlier_one(tmp_path):
    a_first_sweep(tmp_path)
    spec, warm = taken(tmp_path)
    book = StudyBook(open_study(spec, tmp_path / "journal", warm=warm), spec.search)
    assert book.given == 0
    assert book.draw(spec.space) == (
        0,
        {"learning_rate": 5e-3, "lora.rank": 8, "schedule": "cosine"},
    )
    book.ended(ended_trial(0, "complete", {}, 1.5))
    assert book.given == 1
    assert open_study(spec, tmp_path / "journal", warm=warm).get_trials()[5].value == 1.5


def test_a_resume_suggests_the_same_though_the_earlier_sweep_is_gone(tmp_path):
    folder = a_first_sweep(tmp_path)
    spec, warm = taken(tmp_path)
    home = SweepHome(tmp_path)
    new = home.sweep("new")
    new.take_name()
    new.store.write_warm_start(warm)
    whole_run = StudyBook(open_study(spec, tmp_path / "whole", warm=warm), spec.search)
    undisturbed = [whole_run.draw(spec.space) for _ in range(6)]
    first = StudyBook(open_study(spec, tmp_path / "cut", warm=warm), spec.search)
    begun = [first.draw(spec.space) for _ in range(3)]
    shutil.rmtree(folder.path)
    # As a killed launch leaves it: two trials are not on record.
    records = [ended_trial(0, "running", begun[0][1])]
    kept = new.store.warm_start()
    second = StudyBook(open_study(spec, tmp_path / "cut", warm=kept), spec.search, records)
    assert [second.draw(spec.space) for _ in range(6)] == undisturbed


def test_a_sampler_draws_near_what_it_was_told(tmp_path):
    """Without a start it would draw at random over four decades."""
    rates = [10 ** (-6 + n / 10) for n in range(40)]
    write_ended(
        tmp_path, [whole(n, rate, loss_of(rate)) for n, rate in enumerate(rates)], earlier_tree()
    )
    spec, warm = taken(tmp_path)
    book = StudyBook(open_study(spec, tmp_path / "warm", warm=warm), spec.search)
    cold = StudyBook(open_study(spec, tmp_path / "cold"), spec.search)
    close = [
        sum(3e-5 < rate < 3e-4 for rate in searched(each, spec, trials=9)) for each in (book, cold)
    ]
    assert close[0] >= 7 and close[1] <= 4


def test_trials_that_would_be_others_here_are_counted_by_reason(tmp_path):
    trials = [
        whole(0, 1e-4, 2.0),
        whole(1, 1e-4, 2.0, "diverged"),
        whole(2, 1e-4, 2.0, "failed"),
        whole(3, 1e-4, 2.5, "pruned"),
        whole(4, 5e-3, 1.0),
        whole(5, 1e-4, 1.5, schedule="wsd", **{"wsd.decay_fraction": 0.4}),
    ]
    write_ended(tmp_path, trials, earlier_tree())
    space = {"learning_rate": {"log_uniform": [1e-6, 1e-3]}, "lora.rank": {"choice": [8, 32]}}
    _, warm = taken(tmp_path, space=space, schedule="cosine")
    (first,) = warm.sweeps
    assert [each.number for each in first.told] == [0, 3]
    assert first.not_told == {
        "diverged": 1, "failed": 1, "outside the space": 1, "other schedule, wsd.decay_fraction": 1
    }  # fmt: skip
    assert first.first_points == ({"lora.rank": 8},), "of the best one, what is in the space"
    assert "4 not (diverged: 1, failed: 1, outside the space: 1, other" in str(first)


def test_a_value_that_was_fixed_is_a_point_of_a_space_that_searches_it(tmp_path):
    a_first_sweep(tmp_path)
    space = {**sweep_tree()["space"], "warmup_fraction": {"uniform": [0.0, 0.2]}}
    _, warm = taken(tmp_path, space=space)
    assert [each.params["warmup_fraction"] for each in warm.told] == [0.03] * 5


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"provenance": {"seed": 1, "data_fingerprint": "d"}}, "other data"),
        ({"provenance": {"seed": 1, "model_fingerprint": "m"}}, "other model"),
    ],
)
def test_of_other_data_or_models_the_best_are_only_tried_first(tmp_path, changes, why):
    a_first_sweep(tmp_path, provenance=Provenance(**changes["provenance"]))
    spec, warm = taken(tmp_path)
    assert warm.told == [] and warm.sweeps[0].not_told == {why: 5}
    book = StudyBook(open_study(spec, tmp_path / "journal", warm=warm), spec.search)
    rates = [book.draw(spec.space)[1]["learning_rate"] for _ in range(3)]
    assert rates == pytest.approx([5e-3, 3e-3, 1e-3])


def test_equal_fingerprints_are_equal_inputs_wherever_the_files_are(tmp_path):
    a_first_sweep(
        tmp_path, provenance=Provenance(seed=1, data_fingerprint="d", model_fingerprint="m")
    )
    spec = SweepSpec.parse(tree_after("first", model="elsewhere"))
    inputs = SimpleNamespace(data_fingerprint="d", model_fingerprint="m")
    warm = take_over(read_earlier(spec, SweepHome(tmp_path)), spec, inputs)
    assert len(warm.told) == 5


def test_a_longer_budget_is_another_trial(tmp_path):
    a_first_sweep(tmp_path)
    _, warm = taken(tmp_path, budget={"trials": 4, "evaluations": 4, "epochs": 3})
    assert warm.told == [] and warm.sweeps[0].not_told == {"other budget.epochs": 5}


def test_a_sampler_that_learns_from_its_own_trials_only_is_told_nothing(tmp_path):
    a_first_sweep(tmp_path)
    search = {"sampler": "nsga2", "warm_start": ["first"], "early_stopping": "none"}
    _, warm = taken(tmp_path, search=search)
    assert warm.sweeps[0].not_told == {"nsga2 learns from its own trials only": 5}


def test_the_users_own_first_points_come_first(tmp_path):
    a_first_sweep(tmp_path)
    search = {"warm_start": ["first"], "first_points": [{"learning_rate": 2e-5}]}
    spec, warm = taken(tmp_path, search=search)
    book = StudyBook(open_study(spec, tmp_path / "journal", warm=warm), spec.search)
    rates = [book.draw(spec.space)[1]["learning_rate"] for _ in range(2)]
    assert rates == pytest.approx([2e-5, 5e-3])


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({"warm_start": ["new"]}, "search.warm_start: names this sweep, 'new'; name earlier ones"),
        ({"warm_start": ["a/b"]}, "search.warm_start: 'a/b' is not a sweep's name"),
        ({"warm_start": ["a", "a"]}, "search.warm_start: names 'a' twice; keep one of them"),
        ({"warm_start": "a"}, "search.warm_start: 'a': input should be a list"),
        (
            {"warm_start": ["a"], "sampler": "grid"},
            "search.warm_start: grid tries every",
        ),
    ],
)
def test_mistakes_in_the_file(search, words):
    space = {"lora.rank": {"choice": [4, 8]}}
    (problem,) = problems_of(sweep_tree(name="new", search=search, space=space))
    assert problem.startswith(words)


def test_an_unknown_sweep(tmp_path):
    a_first_sweep(tmp_path)
    assert refusal(tmp_path, tree_after("frist")) == (
        f"search.warm_start: no sweep 'frist' in {tmp_path}; sweeps there: first"
    )


def test_another_metric(tmp_path):
    a_first_sweep(tmp_path, metric="eval_cost")
    assert "'first' searches by eval_cost (min), not by eval_loss (min)" in refusal(
        tmp_path, tree_after("first")
    )


def test_no_overlap(tmp_path):
    a_first_sweep(tmp_path)
    tree = tree_after("first", space={"learning_rate": {"log_uniform": [0.1, 0.9]}})
    assert "no complete trial of sweep 'first' has a value that is in this space" in refusal(
        tmp_path, tree
    )


def test_no_complete_trial(tmp_path):
    write_ended(tmp_path, [whole(0, 1e-4, 2.0, "pruned")], earlier_tree())
    assert "sweep 'first' has no complete trial" in refusal(tmp_path, tree_after("first"))


def test_a_running_sweep(tmp_path):
    folder = a_first_sweep(tmp_path, state="running")
    with folder.held():
        assert "sweep 'first' is running; wait for its end" in refusal(
            tmp_path, tree_after("first")
        )


def test_an_unreadable_record(tmp_path):
    folder = a_first_sweep(tmp_path)
    file = folder.store.trial_folder(2) / "record.json"
    file.write_text("{")
    said = refusal(tmp_path, tree_after("first"))
    assert said.startswith(f"search.warm_start: {file}: Invalid JSON")
