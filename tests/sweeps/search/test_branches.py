"""Trials that begin alike: which are drawn together, when each begins, what is told of them."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from spec_samples import sft_tree

from results.records.branch import Branch
from results.records.record import Measurement, TrialRecord, TrialStatus
from sweeps.samplers.wrappers.best_branches import BestBranches
from sweeps.search.admission import Admission
from sweeps.search.families import trunk_of
from sweeps.search.schedulers import make_scheduler, replay
from sweeps.search.searcher import OptunaSearcher
from sweeps.search.study import StudyBook, open_study
from sweeps.spec.forks import Late
from sweeps.spec.spec import SpecError, SweepSpec
from trainables.training.forks.forks import fork_folder
from trainables.training.forks.tape import Tape, shared_steps
from trainables.training.plan import make_plan

SPACE = {
    "learning_rate": {"log_uniform": [1e-4, 1e-3]},
    "wsd.decay_fraction": {"uniform": [0.05, 0.4]},
    "floor_fraction": {"choice": [0.0, 0.1]},
}
LENGTHS = np.full(64, 10, dtype=np.int64)
WAITING, PRUNED, COMPLETE = TrialStatus.WAITING, TrialStatus.PRUNED, TrialStatus.COMPLETE


def spec_for(tmp_path, **changes):
    tree = sft_tree(
        tmp_path,
        budget={"trials": 10, "steps": 100, "evaluations": 10},
        schedule="wsd",
        search={"seed": 3, "forks": 4},
        slots={"count": 1},
        space=SPACE,
    )
    tree |= changes
    return SweepSpec.parse({name: each for name, each in tree.items() if name not in tree["space"]})


def plan_of(config):
    return make_plan(config, LENGTHS, 1)


class Search:
    """A search and its records, without Ray; `forks` is the folder of forks."""

    def __init__(self, tmp_path, spec, records=(), **options):
        self.spec, self.forks = spec, tmp_path / "forks"
        self.records = {record.number: record for record in records}
        self.study = open_study(spec, tmp_path / "journal")
        self.book = StudyBook(self.study, spec.search, records)
        forks = (self.forks, plan_of)
        self.searcher = OptunaSearcher(
            spec, self.book, lambda n: tmp_path / str(n), self, forks=forks, **options
        )

    def suggested(self, number, params, config, *, repairs):
        branch = self.book.origin(number).branch
        self.write(number, WAITING, params=params, config=config.flat(), branch=branch)
        return ()

    def refused(self, number, params, config, why, status=TrialStatus.FAILED):
        branch = self.book.origin(number).branch
        self.write(number, status, params=params, config=config, error=why, branch=branch)
        self.book.ended(self.records[number])

    def write(self, number, status, **fields):
        self.records[number] = TrialRecord(sweep="x", number=number, status=status, **fields)

    def record_of(self, number):
        return self.records.get(number)

    def under_way(self):
        return sum(not record.status.ended for record in self.records.values())

    def next(self):
        return self.searcher.suggest("any")

    def end(self, number, status, **measured):
        """End a trial, measured at these steps: `at_10=2.5`."""
        found = tuple(
            Measurement(
                point=place, step=int(name[3:]), tokens=0, seconds=0, metrics={"eval_loss": v}
            )
            for place, (name, v) in enumerate(measured.items(), 1)
        )
        record = self.records[number].with_changes(status=status, measurements=found)
        self.records[number] = record
        self.book.ended(record)

    def write_fork(self, one, other):
        """Write the fork at which two trials part, as a slot does."""
        tapes = [Tape(s["config"], plan_of(s["config"])) for s in (one, other)]
        step = shared_steps(*tapes)
        trunk = self.book.origin(other["trial"]).branch.trunk
        fork_folder(self.forks / f"{trunk:04d}", step, tapes[0].until(step)).mkdir(
            parents=True, exist_ok=True
        )
        return step


@pytest.mark.parametrize(
    ("changes", "late"),
    [
        ({"schedule": "wsd"}, ("wsd.decay_fraction", "floor_fraction")),
        ({"schedule": "cosine"}, ()),
        ({"schedule": "linear"}, ()),
        ({"schedule": "constant"}, ()),
    ],
)
def test_what_acts_late_follows_from_the_schedule(tmp_path, changes, late):
    spec = spec_for(tmp_path)
    params = {"learning_rate": 1e-4, "wsd.decay_fraction": 0.1, "floor_fraction": 0.1}
    assert Late(spec.trial.with_params(changes), spec.space).of(params) == late


def test_a_schedule_acts_late_where_all_its_values_begin_alike(tmp_path):
    space = {
        "schedule": {"choice": ["constant", "wsd"]},
        "wsd.decay_fraction": {"uniform": [0.1, 0.3], "when": {"schedule": "wsd"}},
    }
    spec = spec_for(tmp_path, space=space)
    assert Late(spec.trial, spec.space).of({"schedule": "constant"}) == ("schedule",)
    cosine = {**space, "schedule": {"choice": ["constant", "wsd", "cosine"]}}
    spec = spec_for(tmp_path, space=cosine)
    assert Late(spec.trial, spec.space).of({"schedule": "constant"}) == ()


def test_branches_have_the_early_values_and_the_seed_of_their_trunk(tmp_path):
    search = Search(tmp_path, spec_for(tmp_path))
    seen = {}
    while len(seen) < 10:
        suggestion = search.next()
        seen[suggestion["trial"]] = suggestion["config"]
        search.end(suggestion["trial"], COMPLETE, at_100=2.0)
    assert sorted(seen) == list(range(10))
    groups = [range(4), range(4, 8), range(8, 10)]
    for group in groups:
        configs = [seen[number] for number in group]
        assert len({config.learning_rate for config in configs}) == 1
        assert len({config.seed for config in configs}) == 1
        assert len({config.wsd.decay_fraction for config in configs}) == len(configs)
    assert len({seen[group[0]].seed for group in groups}) == 3
    branches = [search.records[number].branch for number in range(10)]
    assert branches[5] == Branch(trunk=4, siblings=(4, 6, 7))
    assert branches[9] == Branch(trunk=8, siblings=(8,)), "as many as the budget has room for"


def test_a_branch_waits_for_its_fork_and_other_trunks_begin_meanwhile(tmp_path):
    search = Search(tmp_path, spec_for(tmp_path))
    trunk, other = search.next(), search.next()
    assert (trunk["trial"], other["trial"]) == (0, 4)
    second = search.book.family(0, search.spec.space)[1]
    branch = {"trial": 1, "config": trunk["config"].with_params(second)}
    step = search.write_fork(trunk, branch)
    assert trunk["forking"].folder == search.forks / "0000" and step in trunk["forking"].steps
    begun = search.next()
    assert begun["trial"] == 1
    assert begun["config"] == branch["config"]


def test_a_cap_asks_for_what_a_branch_does_not_take_over(tmp_path):
    asked = {}

    def admits(params, number, taken_over):
        asked[number] = taken_over
        return Admission.NOW

    search = Search(tmp_path, spec_for(tmp_path), admits=admits)
    trunk = search.next()
    second = search.book.family(0, search.spec.space)[1]
    branch = {"trial": 1, "config": trunk["config"].with_params(second)}
    step = search.write_fork(trunk, branch)
    assert search.next()["trial"] == 1
    assert asked == {0: 0.0, 1: step / 100} and step >= 60


def test_while_all_wait_nothing_is_drawn(tmp_path):
    spec = spec_for(tmp_path, budget={"trials": 3, "steps": 100, "evaluations": 10})
    search = Search(tmp_path, spec)
    assert search.next()["trial"] == 0
    assert search.next() is None and search.next() is None
    search.end(0, COMPLETE, at_100=2.0)
    # Its forks are not there, so the next one is trained whole, and the last waits for that.
    assert search.next()["trial"] == 1
    later = search.next()
    assert later is None or later["trial"] == 2


def test_a_trunk_stopped_before_the_fork_ends_its_branches(tmp_path):
    search = Search(tmp_path, spec_for(tmp_path))
    search.next()
    search.end(0, PRUNED, at_10=2.5, at_20=2.4)
    assert search.next()["trial"] == 4, "the next trunk"
    for number in (1, 2, 3):
        record = search.records[number]
        assert record.status is PRUNED and not record.measurements
        assert record.error.startswith("with trial 0, stopped at step 20; the two part after step ")


def test_a_trunk_stopped_after_a_fork_ends_no_branch_that_has_parted(tmp_path):
    search = Search(tmp_path, spec_for(tmp_path))
    trunk = search.next()
    family = search.book.family(0, search.spec.space)
    configs = {n: trunk["config"].with_params(params) for n, params in family.items()}
    step = search.write_fork(trunk, {"trial": 1, "config": configs[1]})
    search.end(0, PRUNED, at_10=2.5, **{f"at_{step + 1}": 2.4})
    assert search.next()["trial"] == 1


def test_a_trunk_stopped_by_hand_or_failed_ends_nothing(tmp_path):
    for status, by_hand in ((PRUNED, True), (TrialStatus.FAILED, False)):
        place = tmp_path / status
        place.mkdir()
        search = Search(place, spec_for(place))
        search.next()
        search.records[0] = search.records[0].with_changes(stopped_by_hand=by_hand)
        search.end(0, status, at_10=2.5)
        assert search.next()["trial"] == 1


def test_a_diverged_trunk_is_not_trained_again(tmp_path):
    search = Search(tmp_path, spec_for(tmp_path))
    search.next()
    search.end(0, TrialStatus.DIVERGED, at_10=2.5)
    assert search.next()["trial"] == 4
    assert search.records[1].status is TrialStatus.DIVERGED


def test_a_trunk_that_diverged_after_a_fork_ends_no_branch_that_has_parted(tmp_path):
    search = Search(tmp_path, spec_for(tmp_path))
    trunk = search.next()
    family = search.book.family(0, search.spec.space)
    step = min(
        search.write_fork(trunk, {"trial": n, "config": trunk["config"].with_params(params)})
        for n, params in family.items()
        if n
    )
    for fork in (search.forks / "0000").iterdir():  # as with half the micro-batch
        fork.rename(fork.with_name(f"{fork.name[:-1]}x"))
    search.end(0, TrialStatus.DIVERGED, at_10=2.5)
    assert step > 10
    assert search.next()["trial"] == 1


def test_a_resumed_search_draws_what_it_would_have(tmp_path):
    def run(place, interrupted):
        place.mkdir()
        search, configs = Search(place, spec_for(place)), {}
        while len(configs) < 10:
            if interrupted:  # a new process after each suggestion
                records = list(search.records.values())
                search = Search(place, search.spec, records)
            suggestion = search.next()
            configs[suggestion["trial"]] = suggestion["config"]
            search.end(suggestion["trial"], COMPLETE, at_100=2.0 + suggestion["trial"] / 10)
        return configs

    one, other = run(tmp_path / "whole", False), run(tmp_path / "killed", True)
    strip = {"data": {"train": "unused"}}
    assert {n: c.model_copy(update=strip) for n, c in one.items()} == {
        n: c.model_copy(update=strip) for n, c in other.items()
    }


def test_a_kill_between_a_trunk_and_its_branches_loses_none(tmp_path, monkeypatch):
    search = Search(tmp_path, spec_for(tmp_path))
    monkeypatch.setattr("sweeps.search.families.unfinished", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        search.next()
    monkeypatch.undo()
    again = Search(tmp_path, search.spec)
    assert again.next()["trial"] == 0
    family = again.book.family(0, again.spec.space)
    assert list(family) == [0, 1, 2, 3]
    assert all("wsd.decay_fraction" in params for params in family.values())


def test_no_more_branches_than_late_combinations(tmp_path):
    space = {**SPACE, "wsd.decay_fraction": {"choice": [0.1, 0.2]}}
    space["floor_fraction"] = {"choice": [0.0]}
    search = Search(tmp_path, spec_for(tmp_path, space=space))
    search.next()
    decays = [p["wsd.decay_fraction"] for p in search.book.family(0, search.spec.space).values()]
    assert sorted(decays) == [0.1, 0.2]


def test_rungs_compare_a_trunk_once(tmp_path):
    spec = spec_for(tmp_path)
    options = {"grace_period": 4}
    scheduler = make_scheduler(
        spec.search.model_copy(update={"early_stopping_options": options}), 10
    )
    measured = tuple(
        Measurement(point=p, step=10 * p, tokens=0, seconds=0, metrics={"eval_loss": 2.0})
        for p in range(1, 11)
    )
    branch = Branch(trunk=0, siblings=(0,), steps=60)
    record = TrialRecord(sweep="x", number=1, status=COMPLETE, measurements=measured, branch=branch)
    replay(scheduler, [record], spec.search)
    rungs = {rung: values for bracket in scheduler._brackets for rung, values in bracket._rungs}
    assert [bool(values) for rung, values in sorted(rungs.items())] == [False]


def test_a_sampler_sees_the_best_branch_of_each_trunk():
    study = optuna.create_study()
    dims = {"x": optuna.distributions.FloatDistribution(0, 1)}
    for trunk, value in ((0, 3.0), (0, 1.0), (0, 2.0), (3, 5.0)):
        study.add_trial(
            optuna.create_trial(
                params={"x": 0.5},
                distributions=dims,
                value=value,
                user_attrs={} if len(study.trials) == trunk else {"trunk": trunk},
            )
        )

    class Spy(optuna.samplers.RandomSampler):
        def sample_independent(self, study, trial, name, distribution):
            self.seen = [t.number for t in study.get_trials(deepcopy=False)]
            return super().sample_independent(study, trial, name, distribution)

    study.sampler = BestBranches(spy := Spy(), trunk_of)
    study.ask(dims)
    assert spy.seen == [1, 3, 4], "4 is the new one itself"
    study.ask(dims)
    study.enqueue_trial({}, user_attrs={"trunk": 0})
    study.ask(dims)
    assert spy.seen == [0, 1, 2, 3, 4, 5, 6], "a branch sees its own trunk's"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schedule": "cosine"}, "search.forks: no parameter of the space acts late in training"),
        ({"micro_batch_size": "auto"}, "search.forks: micro_batch_size: auto may cut"),
        ({"search": {"forks": 2, "trial_patience": 3}}, "search.forks: search.trial_patience may"),
        ({"storage": {"uri": "s3://b/f"}}, "search.forks: forks are kept in the sweep's folder"),
    ],
)
def test_searches_that_cannot_fork_are_refused(tmp_path, changes, said):
    with pytest.raises(SpecError) as refusal:
        spec_for(tmp_path, **changes)
    (problem,) = refusal.value.problems
    assert str(problem).startswith(said)
