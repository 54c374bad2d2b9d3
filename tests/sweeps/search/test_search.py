from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher
from spec_samples import toy_tree

from results.records.record import Measurement, TrialRecord, TrialStatus
from sweeps.base.errors import OptionsError
from sweeps.samplers.registry import SAMPLERS
from sweeps.search.admission import Admission
from sweeps.search.drawing import make_sampler, trial_seed
from sweeps.search.schedulers import _Gone, make_scheduler, replay
from sweeps.search.searcher import OptunaSearcher
from sweeps.search.study import StudyBook, open_study
from sweeps.spec.settings import SearchSettings
from sweeps.spec.spec import SweepSpec
from trainables.training.plan import evaluation_points


class Book:
    def __init__(self):
        self.suggested_numbers, self.refusals = [], []

    def suggested(self, number, params, config, *, repairs):
        self.suggested_numbers.append(number)
        return ()

    def refused(self, number, params, config, why):
        self.refusals.append((number, config, why))

    def under_way(self):
        return 0


def record(number: int, status: TrialStatus, *measured: dict[str, float]) -> TrialRecord:
    measurements = tuple(
        Measurement(point=point, step=point, tokens=0, seconds=0.0, metrics=metrics)
        for point, metrics in enumerate(measured, start=1)
    )
    return TrialRecord(sweep="toy", number=number, status=status, measurements=measurements)


def losses(*values: float) -> list[dict[str, float]]:
    return [{"eval_loss": value} for value in values]


def opened(tmp_path: Path, spec: SweepSpec, records=()):
    """What a process has of a sweep: the searcher, the book that it asks, and who is told."""
    study = open_study(spec, tmp_path / "journal")
    book, watcher = StudyBook(study, spec.search, records), Book()
    return OptunaSearcher(spec, book, lambda n: tmp_path / str(n), watcher), book, study, watcher


def searcher_for(tmp_path: Path, **changes):
    return opened(tmp_path, SweepSpec.parse(toy_tree(**changes)))


COMPLETE, PRUNED = TrialStatus.COMPLETE, TrialStatus.PRUNED


def test_each_ending_is_told_to_optuna_as_what_it_was(tmp_path):
    searcher, book, study, _ = searcher_for(tmp_path)
    for name in "abcde":
        searcher.suggest(name)
    book.measured(record(0, TrialStatus.RUNNING, *losses(2.0)))
    book.ended(record(0, COMPLETE, *losses(2.0, 3.0)))
    book.measured(record(1, TrialStatus.RUNNING, *losses(2.5)))
    book.ended(record(1, PRUNED, *losses(2.5)))
    book.ended(record(2, TrialStatus.DIVERGED, *losses(2.7)))
    book.ended(record(3, TrialStatus.FAILED))
    book.ended(record(4, COMPLETE, *losses(math.nan)))
    trials = study.get_trials()
    assert [t.state for t in trials] == [
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.FAIL,
        TrialState.FAIL,
        TrialState.FAIL,
    ]
    assert trials[0].value == 2.0, "the best evaluation counts, not the last"
    assert trials[1].intermediate_values == {1: 2.5}


def test_the_study_is_on_disk(tmp_path):
    searcher, book, _, _ = searcher_for(tmp_path)
    searcher.suggest("a")
    book.ended(record(0, COMPLETE, *losses(1.5)))
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "journal"))
    )
    assert optuna.load_study(study_name="toy", storage=storage).best_value == 1.5


SEARCHED = {
    "learning_rate": {"log_uniform": [1e-5, 1e-2]},
    "schedule": {"choice": ["cosine", "wsd"]},
    "wsd.decay_fraction": {"uniform": [0.1, 0.3], "when": {"schedule": "wsd"}},
}


@pytest.mark.parametrize("name", sorted(SAMPLERS.keys() - {"grid"}))
def test_a_process_that_takes_over_suggests_what_the_first_would_have(tmp_path, name):
    """Of ten trials, one process sees all; of the others, the first is killed after the sixth."""
    spec = SweepSpec.parse(
        toy_tree(
            space=SEARCHED,
            search={
                "sampler": name,
                "sampler_options": {"n_startup_trials": 3} if name in ("tpe", "gp") else {},
            },
            budget={"trials": 10, "evaluations": 1},
        )
    )
    whole, first, second = (tmp_path / each for each in ("whole", "halves", "halves"))
    whole.mkdir()
    first.mkdir()

    def go(folder, count, records):
        searcher, book, *_ = opened(folder, spec, records)
        made = []
        while len(made) < count and (found := searcher.suggest("x")) != Searcher.FINISHED:
            loss = abs(math.log10(found["config"].learning_rate) + 3)
            made.append((found["trial"], found["config"]))
            records.append(record(found["trial"], COMPLETE, *losses(loss)))
            if len(made) < count:
                book.ended(records[-1])
        return made

    undisturbed = go(whole, 99, [])
    # Its last trial is on disk as complete, and Optuna was never told.
    books: list[TrialRecord] = []
    assert go(first, 6, books) + go(second, 99, books) == undisturbed
    assert [number for number, _ in undisturbed] == list(range(10))


def test_a_trial_that_was_under_way_is_suggested_again_with_its_values(tmp_path):
    searcher, *_ = searcher_for(tmp_path)
    first = [searcher.suggest(name) for name in "ab"]
    records = [record(0, COMPLETE, *losses(1.0)), record(1, TrialStatus.RUNNING, *losses(1.0))]
    spec = SweepSpec.parse(toy_tree())
    searcher, _, study, watcher = opened(tmp_path, spec, records)
    assert searcher.suggest("c") == first[1]
    assert watcher.suggested_numbers == [1]
    assert study.get_trials()[1].intermediate_values == {1: 1.0}
    assert searcher.suggest("d")["trial"] == 2


def test_a_process_killed_between_asking_and_writing_loses_no_trial(tmp_path):
    """The study has a trial, perhaps with half its values, of which the folder knows nothing."""
    searcher, *_ = searcher_for(tmp_path)
    asked = searcher.suggest("a")
    again, *_ = opened(tmp_path, SweepSpec.parse(toy_tree()))
    assert again.suggest("b") == asked


@pytest.mark.parametrize("torn", [b"{", b'{"op_code": 5, "worker_id": "x'])
def test_a_line_that_was_cut_short_and_a_lock_that_was_left_do_no_harm(tmp_path, torn):
    searcher, *_ = searcher_for(tmp_path)
    searcher.suggest("a")
    journal = tmp_path / "journal"
    with journal.open("ab") as file:
        file.write(torn)
    (tmp_path / "journal.lock").symlink_to(journal)
    searcher, _, study, _ = opened(tmp_path, SweepSpec.parse(toy_tree()))
    assert [searcher.suggest(name)["trial"] for name in "ab"] == [0, 1]
    assert len(study.get_trials()) == 2


def test_suggestions_end_with_the_budget_and_repeat_with_the_seed(tmp_path):
    def suggestions(folder):
        folder.mkdir()
        searcher, *_ = searcher_for(folder)
        return [searcher.suggest(str(i)) for i in range(7)]

    first, second = suggestions(tmp_path / "1"), suggestions(tmp_path / "2")
    assert first[-1] == Searcher.FINISHED
    assert [s["config"] for s in first[:-1]] == [s["config"] for s in second[:-1]]
    assert len({s["config"].seed for s in first[:-1]}) == 6


def test_no_trial_is_suggested_before_there_is_room_for_it(tmp_path):
    spec = SweepSpec.parse(toy_tree())
    study = open_study(spec, tmp_path / "journal")
    room = iter([True, False, True])
    book = StudyBook(study, spec.search)
    searcher = OptunaSearcher(spec, book, lambda n: tmp_path / str(n), Book(), lambda: next(room))
    assert searcher.suggest("a")["trial"] == 0
    assert searcher.suggest("b") is None and len(study.get_trials()) == 1
    assert searcher.suggest("b")["trial"] == 1


def test_known_good_points_come_first(tmp_path):
    points = [{"learning_rate": 1e-3, "lora.rank": 4}, {"learning_rate": 2e-3}]
    searcher, *_ = searcher_for(tmp_path, search={"first_points": points})
    one, two = searcher.suggest("1")["config"], searcher.suggest("2")["config"]
    assert (one.learning_rate, one.lora.rank, two.learning_rate) == (1e-3, 4, 2e-3)


def test_a_grid_is_run_through_once_with_its_conditions(tmp_path):
    space = {
        "schedule": {"choice": ["cosine", "wsd"]},
        "wsd.decay_fraction": {"choice": [0.1, 0.2], "when": {"schedule": "wsd"}},
    }
    searcher, *_ = searcher_for(
        tmp_path, space=space, search={"sampler": "grid"}, budget={"evaluations": 1}
    )
    seen = []
    while (suggestion := searcher.suggest(str(len(seen)))) != Searcher.FINISHED:
        config = suggestion["config"]
        seen.append((config.schedule, config.wsd.decay_fraction))
    assert sorted(seen) == [("cosine", 0.2), ("wsd", 0.1), ("wsd", 0.2)]


def test_a_combination_that_is_no_trial_is_recorded_and_passed_over(tmp_path):
    space = {"schedule": {"choice": ["wsd"]}, "wsd.decay_fraction": {"choice": [0.3, 0.9]}}
    searcher, _, _, book = searcher_for(
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


TWO = {"metrics": {"eval_loss": "min", "eval_accuracy": "max"}}


def several(tmp_path: Path, **search):
    spec = SweepSpec.parse(toy_tree(objective="toy"))
    changed = SearchSettings(**{"seed": 1, **TWO, **search})
    return opened(tmp_path, dataclasses.replace(spec, search=changed, trials=12))


def both(loss: float, accuracy: float) -> dict[str, float]:
    return {"eval_loss": loss, "eval_accuracy": accuracy}


def test_of_several_metrics_the_last_evaluation_is_told_to_optuna(tmp_path):
    searcher, book, study, _ = several(tmp_path)
    for name in "abcd":
        searcher.suggest(name)
    book.measured(record(0, TrialStatus.RUNNING, both(1.0, 0.9)))
    book.ended(record(0, COMPLETE, both(1.0, 0.9), both(2.0, 0.5)))
    book.ended(record(1, TrialStatus.DIVERGED, both(0.1, 0.9)))
    book.ended(record(2, COMPLETE, both(0.1, math.nan)))
    book.ended(record(3, COMPLETE, both(3.0, 0.6)))
    complete, fail = TrialState.COMPLETE, TrialState.FAIL
    assert [t.state for t in study.get_trials()] == [complete, fail, fail, complete]
    assert {t.number: t.values for t in study.best_trials} == {0: [2.0, 0.5], 3: [3.0, 0.6]}


@pytest.mark.parametrize("name", sorted(SAMPLERS.keys() - {"cmaes", "grid"}))
def test_every_sampler_that_is_let_through_searches_by_several_metrics(tmp_path, name):
    options = {"population_size": 4} if name == "nsga2" else {}
    searcher, book, study, _ = several(tmp_path, sampler=name, sampler_options=options)
    for i in range(12):
        config = searcher.suggest(str(i))["config"]
        rate = math.log10(config.learning_rate)
        book.ended(record(i, COMPLETE, both(abs(rate + 3), rate)))
    assert [t.state for t in study.get_trials()] == [TrialState.COMPLETE] * 12


def test_optuna_knows_of_no_cmaes_for_several_metrics(tmp_path):
    """Were this to change, the spec could let it through."""
    searcher, *_ = several(tmp_path, sampler="cmaes")
    with pytest.raises(ValueError, match="multi-objective"):
        searcher.suggest("a")


def test_wrong_options_are_told_with_the_librarys_reason():
    with pytest.raises(OptionsError, match="are not valid for tpe"):
        make_sampler(SearchSettings(sampler_options={"startup": 3}))
    with pytest.raises(OptionsError, match="are not valid for asha"):
        make_scheduler(SearchSettings(early_stopping_options={"grace": 3}), 4)


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_new_scheduler_judges_by_the_trials_that_ended_before(name):
    """As the one that has seen them live does."""
    search = SearchSettings(early_stopping=name, early_stopping_options={"grace_period": 1})
    ended = [record(n, COMPLETE, *losses(*([1.0 + n / 10] * 4))) for n in range(4)]
    ended.append(record(4, PRUNED, *losses(1.9)))
    running = record(5, TrialStatus.INTERRUPTED, *losses(0.1))
    for value, verdict in ((9.0, TrialScheduler.STOP), (0.5, TrialScheduler.CONTINUE)):
        scheduler = make_scheduler(search, 4)
        replay(scheduler, [*ended, running], search)
        trial = _Gone("new")
        scheduler.on_trial_add(None, trial)
        result = {"point": 1, "eval_loss": value}
        assert scheduler.on_trial_result(None, trial, result) == verdict


def asha_with(evaluations, first, *measured):
    """A scheduler that has seen these trials (point -> loss) come to their ends."""
    search = SearchSettings(early_stopping_options={"grace_period": first})
    scheduler = make_scheduler(search, evaluations)
    for number, losses_at in enumerate(measured):
        trial = _Gone(str(number))
        scheduler.on_trial_add(None, trial)
        *earlier, last = [{"point": at, "eval_loss": loss} for at, loss in losses_at.items()]
        for result in earlier:
            scheduler.on_trial_result(None, trial, result)
        scheduler.on_trial_complete(None, trial, last)
    return scheduler


def verdict(scheduler, point, loss):
    trial = _Gone("new")
    scheduler.on_trial_add(None, trial)
    return scheduler.on_trial_result(None, trial, {"point": point, "eval_loss": loss})


FEW = [(9, 2, 3), (9, 4, 3), (4, 1, 2), (4, 3, 2)]
"""Evaluations, the fewer steps of a trial, and the first rung, which that trial passes over."""


@pytest.mark.parametrize(("evaluations", "steps", "rung"), FEW)
def test_a_rung_is_not_decided_by_trials_that_were_measured_after_more_training(
    evaluations, steps, rung
):
    late = dict.fromkeys(evaluation_points(steps, evaluations).values(), 1.0)
    on_time = {**dict.fromkeys(range(1, rung + 1), 2.0), evaluations: 1.0}
    for loss, expected in ((1.9, TrialScheduler.CONTINUE), (2.1, TrialScheduler.STOP)):
        scheduler = asha_with(evaluations, rung, *[late] * 6, on_time, on_time)
        assert verdict(scheduler, rung, loss) == expected


@pytest.mark.parametrize(("evaluations", "steps", "rung"), FEW)
def test_a_trial_is_not_judged_by_a_rung_that_it_passes_over(evaluations, steps, rung):
    *points, _ = evaluation_points(steps, evaluations).values()
    for point in points:
        scheduler = asha_with(evaluations, rung, *[{rung: 1.0, evaluations: 0.9}] * 6)
        assert verdict(scheduler, point, 9.0) == TrialScheduler.CONTINUE


def test_a_rung_between_two_points_is_decided_at_the_next_one():
    """As it is by Ray itself, of trials that have all points."""
    options = {"grace_period": 1, "reduction_factor": 2.5}
    search = SearchSettings(early_stopping_options=options)
    for point in (3, 7):  # the rungs are 1, 2.5 and 6.25
        scheduler = make_scheduler(search, 9)
        for number in range(3):
            trial = _Gone(str(number))
            scheduler.on_trial_add(None, trial)
            scheduler.on_trial_result(None, trial, {"point": point, "eval_loss": 1.0})
        assert verdict(scheduler, point, 2.0) == TrialScheduler.STOP


def test_trials_that_ended_before_are_in_the_brackets_they_were_in():
    search = SearchSettings(early_stopping_options={"grace_period": 1, "brackets": 3})
    ended = [record(n, COMPLETE, *losses(*(n + p / 10 for p in range(9)))) for n in range(40)]
    live, resumed = (make_scheduler(search, 9) for _ in range(2))
    for each in ended:
        trial = _Gone(str(each.number), {"trial": each.number})
        live.on_trial_add(None, trial)
        *earlier, last = [{"point": m.point, **m.metrics} for m in each.measurements]
        for result in earlier:
            live.on_trial_result(None, trial, result)
        live.on_trial_complete(None, trial, last)
    replay(resumed, ended, search)
    first, then = ([sorted(b._rungs[-1][1].values()) for b in s._brackets] for s in (live, resumed))
    assert first == then and all(map(len, first))


def test_options_reach_the_sampler():
    options = {"n_startup_trials": 7, "unfinished": False}
    sampler = make_sampler(SearchSettings(sampler="tpe", sampler_options=options))
    assert isinstance(sampler, optuna.samplers.TPESampler) and sampler._n_startup_trials == 7


def test_trial_seeds_differ_and_repeat():
    seeds = {trial_seed(sweep, number) for sweep in range(5) for number in range(100)}
    assert len(seeds) == 500 and trial_seed(3, 4) == trial_seed(3, 4)


def test_a_trial_that_may_not_begin_closes_the_search_and_is_the_first_of_a_resumed_one(tmp_path):
    spec = SweepSpec.parse(toy_tree())
    study = open_study(spec, tmp_path / "journal")
    asked: list[dict] = []

    def admits(params, number, taken_over):
        asked.append(params)
        return Admission.NEVER if number == 2 else Admission.NOW

    finished, watcher = [], Book()
    searcher = OptunaSearcher(
        spec,
        StudyBook(study, spec.search),
        lambda n: tmp_path / str(n),
        watcher,
        on_finished=lambda: finished.append(True),
        admits=admits,
    )
    given = [searcher.suggest(name) for name in "abcd"]
    assert given[2:] == [Searcher.FINISHED] * 2 and finished == [True]
    assert watcher.suggested_numbers == [0, 1] and len(asked) == 3
    again, _, _, later = opened(tmp_path, spec)
    for _ in range(2):
        again.suggest("e")  # those left under way
    refused = again.suggest("f")
    assert later.suggested_numbers[-1] == refused["trial"] == 2
    assert refused["config"].learning_rate == asked[2]["learning_rate"]


def test_a_trial_that_may_begin_later_is_suggested_again(tmp_path, monkeypatch):
    spec, now = SweepSpec.parse(toy_tree()), [0.0]
    monkeypatch.setattr("sweeps.search.searcher.time.monotonic", lambda: now[0])
    answers = iter([Admission.PERHAPS, Admission.NOW])
    searcher = OptunaSearcher(
        spec,
        StudyBook(open_study(spec, tmp_path / "journal"), spec.search),
        lambda n: tmp_path / str(n),
        Book(),
        admits=lambda params, number, taken_over: next(answers),
    )
    assert searcher.suggest("a") is None
    assert searcher.suggest("a") is None  # without asking again at once
    now[0] = 10.0
    assert searcher.suggest("a")["trial"] == 0
