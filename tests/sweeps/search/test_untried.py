"""No combination is drawn twice, by any sampler, at once or one after the other, resumed or not."""

from __future__ import annotations

from pathlib import Path

import pytest
from spec_samples import toy_tree

from results.records.record import Measurement, TrialRecord, TrialStatus
from search_spaces import bridge
from search_spaces.values import identity
from sweeps.samplers.registry import SAMPLERS
from sweeps.search.study import StudyBook, open_study
from sweeps.spec.spec import SweepSpec

SIX = {"lora.rank": {"choice": [8, 16, 32]}, "schedule": {"choice": ["cosine", "linear"]}}
CONDITIONAL = {
    "schedule": {"choice": ["cosine", "wsd", "linear"]},
    "wsd.decay_fraction": {"quantized": [0.1, 0.3, 0.1], "when": {"schedule": "wsd"}},
    "lora.rank": {"int": [1, 2]},
}
"""Of which there are (1 + 3 + 1) * 2."""

SAMPLED = sorted(SAMPLERS.keys() - {"grid"})
ENDS = [TrialStatus.COMPLETE, TrialStatus.PRUNED, TrialStatus.DIVERGED, TrialStatus.FAILED]


def spec_of(space: dict, sampler: str = "tpe", **search) -> SweepSpec:
    options = {"n_startup_trials": 2} if sampler in ("tpe", "gp") else {}
    search = {"sampler": sampler, "sampler_options": options, "early_stopping": "none", **search}
    return SweepSpec.parse(
        toy_tree(space=space, search=search, budget={"trials": 99, "evaluations": 1})
    )


def book_of(spec: SweepSpec, folder: Path, records=()) -> StudyBook:
    return StudyBook(open_study(spec, folder / "journal"), spec.search, records)


def ended(number: int, params: dict, status=TrialStatus.COMPLETE) -> TrialRecord:
    loss = 1.0 + params["lora.rank"] / 100
    measured = Measurement(point=1, step=1, tokens=1, seconds=1.0, metrics={"eval_loss": loss})
    return TrialRecord(sweep="toy", number=number, status=status, measurements=(measured,))


def drawn(book: StudyBook, spec: SweepSpec, count: int, at_once: int = 1) -> list[dict]:
    """The params of so many trials, `at_once` of them under way; they end in all ways."""
    found: list[dict] = []
    open_trials: list[tuple[int, dict]] = []
    for _ in range(count):
        open_trials.append(book.draw(spec.space))
        found.append(open_trials[-1][1])
        if len(open_trials) == at_once:
            number, params = open_trials.pop(0)
            book.ended(ended(number, params, ENDS[number % len(ENDS)]))
    return found


def distinct(points: list[dict]) -> set[object]:
    return {identity(tuple(point.items())) for point in points}


@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize("sampler", SAMPLED)
@pytest.mark.parametrize(("space", "count"), [(SIX, 6), (CONDITIONAL, 10)])
def test_a_finite_space_is_tried_once_and_wholly(tmp_path, space, count, sampler, at_once):
    spec = spec_of(space, sampler)
    assert spec.trials == count, "more trials than combinations are not planned"
    points = drawn(book_of(spec, tmp_path), spec, count, at_once)
    assert distinct(points) == distinct(spec.space.grid())


@pytest.mark.parametrize("sampler", SAMPLED)
def test_a_process_that_takes_over_draws_what_the_first_would_have(tmp_path, sampler):
    spec = spec_of(CONDITIONAL, sampler)
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    whole.mkdir()
    halves.mkdir()
    undisturbed = drawn(book_of(spec, whole), spec, 10)
    first = drawn(book_of(spec, halves), spec, 6)
    again = book_of(spec, halves)
    assert first + drawn(again, spec, 4) == undisturbed


def test_a_trial_that_was_under_way_keeps_its_combination(tmp_path):
    spec = spec_of(SIX)
    first = book_of(spec, tmp_path)
    points = [first.draw(spec.space) for _ in range(3)]
    records = [ended(*points[0]), *(ended(*each, TrialStatus.RUNNING) for each in points[1:])]
    again = book_of(spec, tmp_path, records)
    assert [again.draw(spec.space) for _ in range(2)] == points[1:]
    rest = [again.draw(spec.space)[1] for _ in range(3)]
    assert len(distinct([params for _, params in points] + rest)) == 6


def test_each_trial_is_read_once_however_many_follow(tmp_path, monkeypatch):
    spec = spec_of({"lora.rank": {"int": [1, 60]}, "batch_size": {"int": [1, 60]}}, "random")
    book, read = book_of(spec, tmp_path), []
    decode = bridge.decode

    def counted(params, space):
        read.append(params)
        return decode(params, space)

    monkeypatch.setattr(bridge, "decode", counted)
    drawn(book, spec, 20)
    few = len(read)
    drawn(book, spec, 20)
    assert len(read) - few < 1.5 * few, "later draws read more"


def test_first_points_that_are_named_twice_are_tried_once(tmp_path):
    points = [{"lora.rank": 8, "schedule": "linear"}] * 2 + [{"lora.rank": 8}] * 3
    spec = spec_of(SIX, first_points=points)
    found = drawn(book_of(spec, tmp_path), spec, 6)
    assert found[0] == points[0]
    assert len(distinct(found)) == 6


def test_a_finite_branch_of_an_infinite_space_is_not_repeated(tmp_path):
    """Without schedule wsd, rank is all that varies: four combinations, and any number with it."""
    space = {
        "schedule": {"choice": ["cosine", "linear", "wsd"]},
        "wsd.decay_fraction": {"uniform": [0.1, 0.3], "when": {"schedule": "wsd"}},
        "lora.rank": {"choice": [1, 2]},
    }
    for sampler in SAMPLED:
        folder = tmp_path / sampler
        folder.mkdir()
        spec = spec_of(space, sampler)
        assert spec.trials == 99
        found = drawn(book_of(spec, folder), spec, 16)
        assert len(distinct(found)) == 16


@pytest.mark.parametrize("sampler", SAMPLED)
def test_draws_from_a_continuous_space_stay_as_they_were(tmp_path, sampler, monkeypatch):
    """As without anything that looks for repeats."""
    spec = spec_of({"learning_rate": {"log_uniform": [1e-5, 1e-2]}, **SIX}, sampler)
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    found = drawn(book_of(spec, one), spec, 8)
    monkeypatch.setattr(StudyBook, "_led_to_untried", lambda self, trial, space: trial)
    assert drawn(book_of(spec, other), spec, 8) == found
