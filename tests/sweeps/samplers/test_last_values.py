"""What TPE sees of trials that have not ended, or ended early."""

from __future__ import annotations

import dataclasses
import shutil
from collections import Counter
from collections.abc import Iterator
from random import Random

import optuna
import pytest
from books import SEARCHING
from optuna.study import StudyDirection
from optuna.trial import TrialState

from results.records.record import Measurement, TrialRecord, TrialStatus
from sweeps.samplers.wrappers import last_values
from sweeps.samplers.wrappers.last_values import OldTrials, value_of
from sweeps.search.drawing import make_sampler
from sweeps.search.study import StudyBook, open_study
from sweeps.spec.settings import SearchSettings

SPACE = {
    "x": optuna.distributions.FloatDistribution(0, 1),
    "y": optuna.distributions.CategoricalDistribution(["a", "b"]),
}
FEW = {"n_startup_trials": 4, "unfinished": True}


def trial(place: int, state: TrialState, value: float | None, values: dict[int, float]):
    """One that was not drawn by the sampler under test."""
    return optuna.trial.create_trial(
        state=state,
        params={"x": place / 10, "y": "ab"[place % 2]},
        distributions=SPACE,
        value=value,
        intermediate_values=values,
    )


def suggested(trials: list, **options: object) -> dict[str, object]:
    """What TPE suggests after these trials."""
    study = optuna.create_study()
    study.add_trials(trials)
    search = SearchSettings(sampler_options={**FEW, **options}, seed=5)
    study.sampler = make_sampler(search, len(trials))
    return study.ask(SPACE).params


COMPLETE = [trial(place, TrialState.COMPLETE, 1.0 + place, {3: 1.0 + place}) for place in range(4)]
MEASURED = [
    trial(7, TrialState.PRUNED, None, {1: 9.0, 3: 0.1}),
    trial(8, TrialState.RUNNING, None, {1: 0.2}),
    trial(9, TrialState.RUNNING, None, {1: 7.0, 3: 5.0}),
]
AS_COMPLETE = [
    trial(7, TrialState.COMPLETE, 0.1, {}),
    trial(8, TrialState.COMPLETE, 0.2, {}),
    trial(9, TrialState.COMPLETE, 5.0, {}),
]


def test_a_measured_trial_counts_as_complete_at_its_last_value():
    assert suggested([*COMPLETE, *MEASURED]) == suggested([*COMPLETE, *AS_COMPLETE])
    assert suggested([*COMPLETE, *MEASURED], unfinished=False) != suggested(
        [*COMPLETE, *MEASURED], unfinished=True
    )


def test_complete_trials_are_compared_with_unfinished_ones_on_the_same_examples():
    """With evaluation.examples, evaluations have values on a part of the set, and a complete trial
    one on the whole."""
    on_the_whole = [
        trial(place, TrialState.COMPLETE, 101.0 + place, {1: 9.0, 3: 1.0 + place})
        for place in range(4)
    ]
    assert suggested([*on_the_whole, *MEASURED]) == suggested([*COMPLETE, *AS_COMPLETE])


@pytest.mark.parametrize("values", [{}, {1: float("nan")}])
def test_a_trial_without_a_value_counts_as_before(values):
    more = [trial(8, TrialState.RUNNING, None, values), trial(7, TrialState.PRUNED, None, values)]
    assert suggested([*COMPLETE, *more]) == suggested([*COMPLETE, *more], unfinished=False)


def test_measured_trials_end_the_random_start():
    measured = [trial(place, TrialState.RUNNING, None, {1: 1.0 + place}) for place in range(4)]
    assert suggested(measured) == suggested(COMPLETE)


def test_the_study_itself_keeps_what_happened():
    study = optuna.create_study()
    study.add_trials([*COMPLETE, *MEASURED])
    study.sampler = make_sampler(SearchSettings(sampler_options=FEW), 7)
    study.ask(SPACE)
    states = [each.state for each in study.trials]
    assert states[4:] == [TrialState.PRUNED] + 3 * [TrialState.RUNNING]
    assert study.best_value == 1.0


def _many(value_of_the_first: float, value_of_the_second: float) -> list:
    """1,300 trials, of which the first two have these values and the latest are worse than most."""
    values = [value_of_the_first, value_of_the_second, *(10.0 + n % 700 for n in range(1298))]
    return [
        trial(place % 10, TrialState.PRUNED, None, {1: value}) for place, value in enumerate(values)
    ]


def test_of_thousands_of_trials_the_best_and_the_latest_are_seen():
    first = suggested(_many(0.0, 500.0))
    assert suggested(_many(0.0, 600.0)) == first, "the second is neither"
    assert suggested(_many(800.0, 500.0)) != first, "the first was the best"


def _growing(random: Random, count: int) -> Iterator[list]:
    """A study at each of its moments: trials are added, and some that run end."""
    running = [TrialState.RUNNING, TrialState.WAITING]
    ended = [TrialState.PRUNED, TrialState.FAIL]
    trials: list = []
    for place in range(count):
        value = float(random.randrange(50))
        trials.append(trial(place % 10, random.choice(running + ended), None, {1: value}))
        open_ones = [n for n, each in enumerate(trials) if each.state in running]
        for number in random.sample(open_ones, min(2, len(open_ones) // 3)):
            value = float(random.randrange(50))
            trials[number] = trial(number % 10, random.choice(ended), None, {1: value})
        yield list(trials)


@pytest.mark.parametrize("direction", [StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE])
def test_old_trials_are_the_best_and_the_running_of_all(direction):
    sign = 1 if direction is StudyDirection.MINIMIZE else -1
    old = OldTrials(direction)
    for trials in _growing(Random(3), 150):
        ranked = sorted(
            (sign * value, place)
            for place, each in enumerate(trials)
            if (value := value_of(each, direction)) is not None
        )
        running = {n for n, each in enumerate(trials) if each.state is TrialState.RUNNING}
        wanted = sorted(running | {place for _, place in ranked[:25]})
        assert old.most_telling(trials) == [trials[place] for place in wanted]


def test_a_trial_that_has_ended_is_looked_at_once(monkeypatch):
    looks: Counter[int] = Counter()

    def looked(each, direction):
        looks[each.number] += 1
        return value_of(each, direction)

    monkeypatch.setattr(last_values, "value_of", looked)
    ended = [trial(0, TrialState.PRUNED, None, {1: float(n)}) for n in range(2000)]
    for number, each in enumerate(ended):
        each.number = number
    old = OldTrials(StudyDirection.MINIMIZE)
    for count in range(1000, 2000):
        old.most_telling(ended[:count])
    assert set(looks.values()) == {1}


def test_a_suggestion_does_not_depend_on_earlier_ones_in_this_process():
    """What a study's trials look like is kept from draw to draw."""
    study, random = optuna.create_study(), Random(4)
    search = SearchSettings(sampler_options=FEW, seed=5)
    for trials in _growing(random, 40):
        for each in trials[len(study.trials) :]:
            study.add_trial(each)
        afresh = optuna.create_study()
        afresh.add_trials(study.trials)
        for each in (study, afresh):
            each.sampler = make_sampler(search, len(study.trials))
        drawn = study.ask(SPACE)
        assert drawn.params == afresh.ask(SPACE).params
        value = random.random()
        drawn.report(value, 1)
        study.tell(drawn, state=random.choice([TrialState.PRUNED, TrialState.FAIL]))


def test_parameters_are_drawn_in_the_groups_that_all_trials_give():
    """Groups follow from the sets of parameters that trials have together."""
    names = [["x"], ["x", "y"], ["y", "z"], ["x", "y"], ["z"], ["x", "w"]]
    spaces = {n: optuna.distributions.FloatDistribution(0, 1) for n in "wxyz"}
    study, random = optuna.create_study(), Random(0)
    for have in names * 20:
        study.add_trial(
            optuna.trial.create_trial(
                state=random.choice([TrialState.COMPLETE, TrialState.PRUNED]),
                params={name: random.random() for name in have},
                distributions={name: spaces[name] for name in have},
                value=random.random(),
            )
        )
    ours, optunas = (
        make_sampler(SearchSettings(sampler_options={**FEW, "unfinished": unfinished}))
        for unfinished in (True, False)
    )
    found = ours.infer_relative_search_space(study, study.trials[0])
    wanted = optunas.infer_relative_search_space(study, study.trials[0])
    assert list(found.items()) == list(wanted.items())


def _record(number: int, points: int, status: TrialStatus) -> TrialRecord:
    measurements = tuple(
        Measurement(
            point=point,
            step=point,
            tokens=1,
            seconds=1.0,
            metrics={"eval_loss": (number * 7 % 5) - 0.1 * point},
        )
        for point in range(1, points + 1)
    )
    return TrialRecord(sweep="toy", number=number, status=status, measurements=measurements)


def test_a_resumed_sweep_suggests_what_it_would_have_undisturbed(tmp_path):
    """Some trials have ended, some were pruned, some have been measured and train on."""
    search = SEARCHING.search.model_copy(update={"sampler_options": FEW})
    spec = dataclasses.replace(SEARCHING, search=search)
    book = StudyBook(open_study(spec, tmp_path / "journal"), search)
    ends = [TrialStatus.COMPLETE, TrialStatus.PRUNED, TrialStatus.RUNNING]
    records = []
    for number in range(9):
        book.draw(spec.space)
        record = _record(number, 1 + number % 3, ends[number % 3])
        records.append(record)
        if number != 7:  # of which Optuna had not heard when the process was killed
            book.measured(record)
            if record.status.ended:
                book.ended(record)
    shutil.copy(tmp_path / "journal", tmp_path / "killed")
    book.measured(records[7])
    book.ended(records[7])
    undisturbed = [book.draw(spec.space) for _ in range(3)]
    laid_aside = [record.laid_aside() for record in records]
    resumed = StudyBook(open_study(spec, tmp_path / "killed"), search, laid_aside)
    for record in records:
        if not record.status.ended:
            assert resumed.draw(spec.space)[0] == record.number  # each is continued first
    assert [resumed.draw(spec.space) for _ in range(3)] == undisturbed
