"""`micro_batch_size: auto`: the micro-batch that is fastest, found once for each kind of trial."""

from __future__ import annotations

import pytest
import tiny_training as tiny
from desk import Desk, without_ray
from spec_samples import problems_of, sft_tree, toy_tree

from sweeps.spec.spec import SweepSpec
from trainables.core.evaluation import Ending
from trainables.planning import growth
from trainables.planning.growth import Grown, with_grown_micro_batch
from trainables.training.workshop import Workshop


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    return Workshop(tiny.make_inputs(tmp_path_factory.mktemp("growth")))


@pytest.fixture
def kept(workshop):
    """The file of what was found, away after the test."""
    path = growth._Kept(workshop.inputs)._path
    yield path
    path.unlink(missing_ok=True)


def growing(**changes):
    config = tiny.trial(**changes)
    return config.with_params({"micro_batch_size": "auto"})


def test_a_number_ends_the_growth_that_auto_asks_for():
    config = growing(batch_size=64)
    assert (config.micro_batch_grows, config.micro_batch_size) == (True, 8)
    again = config.with_params({"learning_rate": 0.5})
    assert again.micro_batch_grows
    halved = again.with_params({"micro_batch_size": 4})
    assert (halved.micro_batch_grows, halved.micro_batch_size) == (False, 4)
    assert "micro_batch_grows" in again.flat() and "micro_batch_grows" not in halved.flat()


def timed(monkeypatch, seconds):
    """Passes that take as long as `seconds` says for a micro-batch."""
    asked = []

    def taking(workshop, config, size):
        asked.append(size)
        return seconds(size)

    monkeypatch.setattr(growth, "_seconds_of_pass", taking)
    return asked


def test_it_grows_while_tokens_per_second_do_and_is_kept_for_other_trials(
    workshop, kept, monkeypatch
):
    # Each pass costs a launch, and from 32 sequences on the device is busy.
    asked = timed(monkeypatch, lambda size: max(0.1, 0.1 * size / 32))
    config = growing(batch_size=128)
    found = with_grown_micro_batch(workshop, config)
    assert (found.micro_batch_size, found.batch_size) == (32, 128)
    assert max(asked) == 64
    asked.clear()
    assert with_grown_micro_batch(workshop, config).micro_batch_size == 32
    assert with_grown_micro_batch(workshop, growing(batch_size=256)).micro_batch_size == 32
    assert with_grown_micro_batch(workshop, growing(batch_size=16)).micro_batch_size == 16
    assert asked == []
    other = growing(batch_size=128, method="full")
    assert with_grown_micro_batch(workshop, other).micro_batch_size == 32 and asked


def test_a_larger_batch_is_tried_where_the_smaller_one_was_the_end(workshop, kept, monkeypatch):
    asked = timed(monkeypatch, lambda size: 0.1)
    assert with_grown_micro_batch(workshop, growing(batch_size=16)).micro_batch_size == 16
    assert with_grown_micro_batch(workshop, growing(batch_size=64)).micro_batch_size == 64
    assert max(asked) == 64


def test_what_does_not_fit_is_not_taken(workshop, kept, monkeypatch):
    def seconds(size):
        if size > 16:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return 0.1

    timed(monkeypatch, seconds)
    assert with_grown_micro_batch(workshop, growing(batch_size=64)).micro_batch_size == 16
    assert '"best": 16' in kept.read_text()


def test_finding_it_leaves_no_trace_in_the_trial(workshop, kept):
    config = growing(batch_size=16, budget__steps=2)
    found = with_grown_micro_batch(workshop, config)
    assert found.micro_batch_size in (8, 16)
    _, watcher = tiny.run_trial(
        workshop,
        tiny.Watcher(),
        batch_size=16,
        budget__steps=2,
        micro_batch_size=found.micro_batch_size,
    )
    fresh = Workshop(workshop.inputs)
    _, alone = tiny.run_trial(
        fresh,
        tiny.Watcher(),
        batch_size=16,
        budget__steps=2,
        micro_batch_size=found.micro_batch_size,
    )
    assert watcher.losses == alone.losses


def test_what_ran_out_of_memory_after_all_is_halved_and_not_tried_by_later_trials(
    workshop, kept, monkeypatch, tmp_path
):
    without_ray(monkeypatch.setattr)
    desk, tried, train = Desk(), [], Workshop.train
    monkeypatch.setattr(growth, "_fastest", lambda *arguments: 64)

    def with_room_for_sixteen(self, config, *arguments):
        tried.append(config.micro_batch_size)
        if config.micro_batch_size > 16:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return train(self, config, *arguments)

    monkeypatch.setattr(Workshop, "train", with_room_for_sixteen)
    worker = desk.worker(workshop.inputs)
    config = growing(batch_size=64, budget__steps=1)
    _, outcome = desk.trial(worker, config, tmp_path / "first")
    assert tried == [64, 32, 16], "half of what failed, not of what auto starts from"
    assert (outcome.ending, outcome.attempt.micro_batch_size) == (Ending.COMPLETE, 16)
    desk.trial(worker, config, tmp_path / "second")
    assert tried[3] == 32
    desk.shut()


def test_a_broken_file_is_found_anew(workshop, kept, monkeypatch):
    kept.write_text("{")
    timed(monkeypatch, lambda size: 0.1 * size)
    assert with_grown_micro_batch(workshop, growing(batch_size=16)).micro_batch_size == 8
    assert Grown.model_validate_json(kept.read_text().partition(": ")[2][:-1]).tried == 16


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"space": {"micro_batch_size": {"choice": ["auto", 4]}}}, "auto is no value among others"),
        ({"micro_batch_size": "auto"}, "of which objective toy has none of its own"),
        ({"micro_batch_size": "auto", "slots": {"workers": 2}}, "in slots without workers"),
        ({"micro_batch_size": "auto", "slots": {"lanes": 4}}, "in slots without lanes"),
        ({"micro_batch_size": "autos"}, "micro_batch_size"),
    ],
)
def test_auto_is_refused_where_it_makes_no_sense(changes, said):
    assert any(said in problem for problem in problems_of(toy_tree(**changes)))


@pytest.mark.parametrize(
    "ramp",
    [
        {"batch_ramp": {"start_fraction": 0.5}},
        {"space": {"batch_ramp.start_fraction": {"choice": [0.5, 1.0]}}},
    ],
    ids=["set", "searched"],
)
def test_auto_would_give_each_slot_a_ramp_of_its_own(tmp_path, ramp):
    (problem,) = problems_of(sft_tree(tmp_path, micro_batch_size="auto", **ramp))
    assert "auto would give each slot a batch_ramp of its own" in problem
    SweepSpec.parse(sft_tree(tmp_path, micro_batch_size=4, **ramp))
