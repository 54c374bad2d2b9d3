from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState
from ray.tune.search import Searcher
from spec_samples import toy_tree

from sweeps.errors import OptionsError
from sweeps.interruption import Interruption
from sweeps.schedulers import make_scheduler
from sweeps.search import SAMPLERS, OptunaSearcher, make_sampler, open_study, trial_seed
from sweeps.settings import SearchSettings
from sweeps.spec import SweepSpec
from trainables.evaluation import Ending, Evaluation, Outcome


class Book:
    def __init__(self):
        self.suggested_numbers, self.refusals = [], []

    def suggested(self, number, params, config):
        self.suggested_numbers.append(number)

    def refused(self, number, params, config, why):
        self.refusals.append((number, config, why))


def searcher_for(tmp_path: Path, **changes):
    spec = SweepSpec.parse(toy_tree(**changes))
    study = open_study(spec, tmp_path / "journal")
    book = Book()
    return (
        OptunaSearcher(spec, study, lambda n: tmp_path / str(n), book, Interruption()),
        study,
        book,
    )


def result(point: int, loss: float, outcome: Outcome | None = None):
    evaluation = Evaluation(point, point * 10, {"eval_loss": loss})
    return {"evaluation": evaluation, "outcome": outcome, "eval_loss": loss}


def test_each_ending_is_told_to_optuna_as_what_it_was(tmp_path):
    searcher, study, _ = searcher_for(tmp_path)
    for name in "abcd":
        searcher.suggest(name)
    searcher.on_trial_result("a", result(1, 2.0))
    searcher.on_trial_complete("a", result(2, 3.0, Outcome(Ending.COMPLETE)))
    searcher.on_trial_complete("b", result(1, 2.5))
    searcher.on_trial_result("c", result(1, 2.7))
    searcher.on_trial_complete("c", {"evaluation": None, "outcome": Outcome(Ending.DIVERGED)})
    searcher.on_trial_complete("d", None, error=True)
    trials = study.get_trials()
    assert [t.state for t in trials] == [
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.FAIL,
        TrialState.FAIL,
    ]
    assert trials[0].value == 2.0, "the best evaluation counts, not the last"
    assert trials[0].intermediate_values == {1: 2.0, 2: 3.0}
    assert trials[1].intermediate_values == {1: 2.5}


def test_the_study_is_on_disk(tmp_path):
    searcher, _, _ = searcher_for(tmp_path)
    searcher.suggest("a")
    searcher.on_trial_complete("a", result(4, 1.5, Outcome(Ending.COMPLETE)))
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal"))
    )
    assert optuna.load_study(study_name="toy", storage=storage).best_value == 1.5


def test_suggestions_end_with_the_budget_and_repeat_with_the_seed(tmp_path):
    def suggestions(folder):
        folder.mkdir()
        searcher, _, _ = searcher_for(folder)
        return [searcher.suggest(str(i)) for i in range(7)]

    first, second = suggestions(tmp_path / "1"), suggestions(tmp_path / "2")
    assert first[-1] == Searcher.FINISHED
    assert [s["config"] for s in first[:-1]] == [s["config"] for s in second[:-1]]
    assert len({s["config"].seed for s in first[:-1]}) == 6


def test_known_good_points_come_first(tmp_path):
    points = [{"learning_rate": 1e-3, "lora.rank": 4}, {"learning_rate": 2e-3}]
    searcher, _, _ = searcher_for(tmp_path, search={"first_points": points})
    one, two = searcher.suggest("1")["config"], searcher.suggest("2")["config"]
    assert (one.learning_rate, one.lora.rank, two.learning_rate) == (1e-3, 4, 2e-3)


def test_a_grid_is_run_through_once_with_its_conditions(tmp_path):
    space = {
        "schedule": {"choice": ["cosine", "wsd"]},
        "wsd.decay_fraction": {"choice": [0.1, 0.2], "when": {"schedule": "wsd"}},
    }
    searcher, _, _ = searcher_for(
        tmp_path, space=space, search={"sampler": "grid"}, budget={"evaluations": 1}
    )
    seen = []
    while (suggestion := searcher.suggest(str(len(seen)))) != Searcher.FINISHED:
        config = suggestion["config"]
        seen.append((config.schedule, config.wsd.decay_fraction))
    assert sorted(seen) == [("cosine", 0.2), ("wsd", 0.1), ("wsd", 0.2)]


def test_a_combination_that_is_no_trial_is_recorded_and_passed_over(tmp_path):
    space = {"schedule": {"choice": ["wsd"]}, "wsd.decay_fraction": {"choice": [0.3, 0.9]}}
    searcher, study, book = searcher_for(
        tmp_path,
        space=space,
        warmup_fraction=0.5,
        search={"sampler": "grid"},
        budget={"evaluations": 1},
    )
    assert searcher.suggest("1")["config"].wsd.decay_fraction == 0.3
    assert searcher.suggest("2") == Searcher.FINISHED
    ((number, config, why),) = book.refusals
    assert number == 1 and "more than the whole run" in why
    assert (config["wsd.decay_fraction"], config["warmup_fraction"]) == (0.9, 0.5)
    assert config["seed"] == trial_seed(0, 1)
    assert study.get_trials()[1].state is TrialState.FAIL


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_every_sampler_suggests_points_of_a_conditional_space(tmp_path, name):
    space = {
        "learning_rate": {"log_uniform": [1e-5, 1e-2]} if name != "grid" else {"choice": [1, 2]},
        "schedule": {"choice": ["cosine", "wsd"]},
        "wsd.decay_fraction": {"choice": [0.1, 0.3], "when": {"schedule": "wsd"}},
    }
    searcher, _, _ = searcher_for(
        tmp_path, space=space, search={"sampler": name}, budget={"trials": 5, "evaluations": 1}
    )
    for i in range(5):
        config = searcher.suggest(str(i))["config"]
        loss = abs(math.log10(config.learning_rate) + 3)
        searcher.on_trial_complete(str(i), result(1, loss, Outcome(Ending.COMPLETE)))
    assert len(searcher._study.get_trials(states=[TrialState.COMPLETE])) == 5


TWO = {"metrics": {"eval_loss": "min", "eval_accuracy": "max"}}


def measured(point: int, loss: float, accuracy: float, outcome: Outcome | None = None):
    metrics = {"eval_loss": loss, "eval_accuracy": accuracy}
    return {"evaluation": Evaluation(point, point, metrics), "outcome": outcome}


def several(tmp_path: Path, **search):
    spec = SweepSpec.parse(toy_tree(objective="toy"))
    changed = SearchSettings(**{"seed": 1, **TWO, **search})
    spec = dataclasses.replace(spec, search=changed, trials=12)
    study = open_study(spec, tmp_path / "journal")
    made = OptunaSearcher(spec, study, lambda n: tmp_path / str(n), Book(), Interruption())
    return made, study


def test_of_several_metrics_the_last_evaluation_is_told_to_optuna(tmp_path):
    searcher, study = several(tmp_path)
    for name in "abcd":
        searcher.suggest(name)
    searcher.on_trial_result("a", measured(1, 1.0, 0.9))
    searcher.on_trial_complete("a", measured(2, 2.0, 0.5, Outcome(Ending.COMPLETE)))
    searcher.on_trial_result("b", measured(1, 0.1, 0.9))
    searcher.on_trial_complete("b", {"evaluation": None, "outcome": Outcome(Ending.DIVERGED)})
    searcher.on_trial_complete("c", measured(2, 0.1, math.nan, Outcome(Ending.COMPLETE)))
    searcher.on_trial_complete("d", measured(2, 3.0, 0.6, Outcome(Ending.COMPLETE)))
    complete, fail = TrialState.COMPLETE, TrialState.FAIL
    assert [t.state for t in study.get_trials()] == [complete, fail, fail, complete]
    assert {t.number: t.values for t in study.best_trials} == {0: [2.0, 0.5], 3: [3.0, 0.6]}


@pytest.mark.parametrize("name", sorted(SAMPLERS.keys() - {"cmaes", "grid"}))
def test_every_sampler_that_is_let_through_searches_by_several_metrics(tmp_path, name):
    options = {"population_size": 4} if name == "nsga2" else {}
    searcher, study = several(tmp_path, sampler=name, sampler_options=options)
    for i in range(12):
        config = searcher.suggest(str(i))["config"]
        rate = math.log10(config.learning_rate)
        result = measured(4, abs(rate + 3), rate, Outcome(Ending.COMPLETE))
        searcher.on_trial_complete(str(i), result)
    assert [t.state for t in study.get_trials()] == [TrialState.COMPLETE] * 12


def test_optuna_knows_of_no_cmaes_for_several_metrics(tmp_path):
    """Were this to change, the spec could let it through."""
    searcher, _ = several(tmp_path, sampler="cmaes")
    with pytest.raises(ValueError, match="multi-objective"):
        searcher.suggest("a")


def test_wrong_options_are_told_with_the_librarys_reason():
    with pytest.raises(OptionsError, match="does not suit the sampler tpe"):
        make_sampler(SearchSettings(sampler_options={"startup": 3}))
    with pytest.raises(OptionsError, match="does not suit asha"):
        make_scheduler(SearchSettings(early_stopping_options={"grace": 3}), 4)


def test_options_reach_the_sampler():
    sampler = make_sampler(SearchSettings(sampler_options={"n_startup_trials": 3}))
    assert sampler._n_startup_trials == 3


def test_trial_seeds_differ_and_repeat():
    seeds = {trial_seed(sweep, number) for sweep in range(5) for number in range(100)}
    assert len(seeds) == 500 and trial_seed(3, 4) == trial_seed(3, 4)
