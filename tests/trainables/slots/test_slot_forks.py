"""A slot's worker that is given two trials which begin alike."""

from __future__ import annotations

from dataclasses import replace

import pytest
import tiny_training as tiny
import torch
from desk import Desk, without_ray
from safetensors.torch import load_file

from results.records.branch import Branch
from results.records.record import TrialRecord, TrialStatus
from sweeps.books.measured import with_cost
from trainables.board.board_client import BoardClient
from trainables.board.job import Forking, Job
from trainables.core.evaluation import Ending, Evaluation
from trainables.slots.board_progress import BoardProgress
from trainables.slots.safeguards import Safeguards
from trainables.slots.slot import _Worker
from trainables.slots.slot_lanes import LaneSource
from trainables.slots.slot_setup import SlotSetup
from trainables.slots.slot_size import SlotSize
from trainables.slots.trial import result_of

TRUNK = {"schedule": "wsd", "budget__steps": 8, "budget__evaluations": 4, "lora__dropout": 0.2}
FIRST = tiny.trial(**TRUNK, wsd__decay_fraction=0.25)
SECOND = tiny.trial(**TRUNK, wsd__decay_fraction=0.5)
FORK = 5
"""A decay of half begins after 4 of 8 steps, at the full rate."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny.make_inputs(tmp_path_factory.mktemp("slot-forks"))


@pytest.fixture(params=[1, 3], ids=["alone", "in lanes"])
def slot(request, inputs, tmp_path, monkeypatch):
    without_ray(monkeypatch.setattr)
    slot = Slot(inputs, tmp_path, request.param)
    yield slot
    slot.desk.shut()


class Slot:
    """A slot's worker, which trains what it is given."""

    def __init__(self, inputs, folder, lanes):
        self.desk = Desk()
        self.life = self.desk.ask("hello", "slot")
        client, size = BoardClient(self.desk), SlotSize(1, 1.0, 0.0)
        setup = SlotSetup("slot", size, Safeguards(), client, inputs, folder, 0, lanes)
        source = LaneSource.of(setup, self.take_like)
        told = BoardProgress(client, gpu=False)
        self.worker = _Worker(client, inputs, Safeguards(), told, source)

    def take_like(self, kind):
        return self.desk.ask("take_like", "slot", self.life, kind)

    def train(self, *jobs):
        """What the board hears of the trials, of each its evaluations and its outcome."""
        for job in jobs:
            self.desk.ask("submit", job)
        while self.desk.board._queue.unfinished():
            self.worker.do(self.desk.ask("take", "slot", self.life, 0.0))
        return [self.heard(job) for job in jobs]

    def heard(self, job):
        heard = []
        while isinstance(event := self.desk.ask("event", job.trial_id, len(heard)), Evaluation):
            heard.append(event)
        return heard, event


def test_the_second_begins_where_the_two_part_and_pays_for_the_rest(slot, tmp_path):
    forking = Forking(tmp_path / "forks", (FORK,))
    ((whole, alone),) = slot.train(Job("alone", SECOND, tmp_path / "alone", keeps=True))
    ((_, first),) = slot.train(Job("0", FIRST, tmp_path / "0", forking=forking))
    assert first.ending is Ending.COMPLETE
    last = replace(forking, steps=())
    ((heard, outcome),) = slot.train(Job("1", SECOND, tmp_path / "1", keeps=True, forking=last))
    assert_same_weights(tmp_path / "alone", tmp_path / "1")
    assert [each.metrics for each in heard] == [each.metrics for each in whole]
    assert [each.shared for each in heard] == [True, True, False, False]
    cost = outcome.cost
    assert (cost.shared_steps, cost.tokens) == (FORK, alone.cost.tokens)
    assert 0 < cost.shared_tokens < cost.tokens and 0 < cost.shared_seconds < cost.seconds

    record = TrialRecord(
        sweep="x", number=1, status=TrialStatus.RUNNING, branch=Branch(trunk=0, siblings=(0,))
    )
    first_heard = with_cost(record, heard[0].cost)
    assert (first_heard.tokens, first_heard.seconds) == (0, 0.0), "the trunk has paid for it"
    ended = with_cost(record, cost)
    assert (ended.tokens, ended.whole_tokens) == (cost.tokens - cost.shared_tokens, cost.tokens)
    assert ended.branch.steps == FORK


def test_schedulers_do_not_compare_what_the_trunk_measured(slot, tmp_path):
    forking = Forking(tmp_path / "forks", (FORK,))
    slot.train(Job("0", FIRST, tmp_path / "0", forking=forking))
    ((heard, _),) = slot.train(Job("1", SECOND, tmp_path / "1", forking=forking))
    results = [result_of(each, None) for each in heard]
    assert ["eval_loss" in result and "point" in result for result in results] == [
        False,
        False,
        True,
        True,
    ]
    assert all(result["evaluation"] is each for result, each in zip(results, heard, strict=True))


def test_weights_of_a_best_evaluation_in_the_trunk_are_there(slot, tmp_path):
    """The branch gets worse after the fork: its best evaluation is the trunk's."""
    forking = Forking(tmp_path / "forks", (FORK,))
    slot.train(Job("0", FIRST, tmp_path / "0", forking=forking))
    worse = Job("1", SECOND, tmp_path / "1", forking=forking, keeps=True)
    slot.train(worse)
    for name in ("best/adapter_model.safetensors", "sequence_losses.npz"):
        assert (tmp_path / "1" / name).is_file()


def test_a_branch_killed_before_its_evaluations_were_on_record_begins_at_the_fork_again(
    slot, tmp_path
):
    forking = Forking(tmp_path / "forks", (FORK,))
    slot.train(Job("0", FIRST, tmp_path / "0", forking=forking))
    slot.train(Job("1", SECOND, tmp_path / "1", forking=forking))
    assert list((tmp_path / "1" / "checkpoints").iterdir())
    ((heard, outcome),) = slot.train(Job("again", SECOND, tmp_path / "1", forking=forking))
    assert outcome.cost.shared_steps == FORK
    assert [each.step for each in heard] == [2, 4, 6, 8]


def test_lanes_side_by_side_write_forks_and_begin_at_them(inputs, tmp_path, monkeypatch):
    without_ray(monkeypatch.setattr)
    slot = Slot(inputs, tmp_path, lanes=2)
    trunks, branches = [], []
    for seed in (1, 2):
        forking = Forking(tmp_path / f"forks-{seed}", (FORK,))
        for made, config in ((trunks, FIRST), (branches, SECOND)):
            name = f"{len(made)}-{seed}-{config.wsd.decay_fraction}"
            config = config.with_params({"seed": seed})
            made.append(Job(name, config, tmp_path / name, forking=forking))
    assert [outcome.cost.lanes for _, outcome in slot.train(*trunks)] == [2, 2]
    whole = [replace(job, trial_id=f"{job.trial_id}-whole", forking=None) for job in branches]
    whole = [replace(job, folder=tmp_path / job.trial_id) for job in whole]
    begun, alone = slot.train(*branches), slot.train(*whole)
    slot.desk.shut()
    for (heard, outcome), (expected, _) in zip(begun, alone, strict=True):
        assert outcome.cost.shared_steps == FORK and outcome.cost.lanes == 2
        mine, others = ([each.metrics["eval_loss"] for each in all_] for all_ in (heard, expected))
        assert mine == pytest.approx(others, abs=1e-5) and len(mine) == 4


def test_a_trial_that_no_plan_suits_fails_alone(slot, tmp_path):
    """A batch ramp grows micro-batches, of one example here: known only from its plan."""
    ramp = {"batch_ramp__start_fraction": 0.5, "micro_batch_size": 1}
    forking = Forking(tmp_path / "forks", (FORK,))
    jobs = [
        Job("0", FIRST, tmp_path / "0", forking=forking),
        Job("1", tiny.trial(**TRUNK, **ramp), tmp_path / "1", forking=forking),
    ]
    (_, first), (heard, second) = slot.train(*jobs)
    assert first.ending is Ending.COMPLETE and (tmp_path / "forks").is_dir()
    assert second.ending is Ending.FAILED and "raise micro_batch_size" in second.error
    assert not heard


def assert_same_weights(one, other):
    mine, others = (load_file(each / "best/adapter_model.safetensors") for each in (one, other))
    assert mine.keys() == others.keys() and mine
    assert all(torch.equal(mine[name], others[name]) for name in mine)
