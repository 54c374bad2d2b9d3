"""A slot's worker that is given two trials which begin alike."""

from __future__ import annotations

from dataclasses import replace

import pytest
import tiny_training as tiny
from desk import Desk, without_ray

from results.records.branch import Branch
from results.records.record import TrialRecord, TrialStatus
from sweeps.books.measured import with_cost
from trainables.board.job import Forking, Job
from trainables.core.evaluation import Ending, Evaluation
from trainables.slots.trial import result_of

TRUNK = {"schedule": "wsd", "budget__steps": 8, "budget__evaluations": 4, "lora__dropout": 0.2}
FIRST = tiny.trial(**TRUNK, wsd__decay_fraction=0.25)
SECOND = tiny.trial(**TRUNK, wsd__decay_fraction=0.5)
FORK = 5
"""A decay of half begins after 4 of 8 steps, at the full rate."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny.make_inputs(tmp_path_factory.mktemp("slot-forks"))


@pytest.fixture
def desk(monkeypatch):
    without_ray(monkeypatch.setattr)
    desk = Desk()
    yield desk
    desk.shut()


def trained(desk, worker, job):
    """What the board hears of a trial: its evaluations and its outcome."""
    life = desk.ask("hello", "slot")
    desk.ask("submit", job)
    worker.do(desk.ask("take", "slot", life, 0.0))
    heard = []
    while isinstance(event := desk.ask("event", job.trial_id, len(heard)), Evaluation):
        heard.append(event)
    return heard, event


def test_the_second_begins_where_the_two_part_and_pays_for_the_rest(inputs, desk, tmp_path):
    worker = desk.worker(inputs)
    forking = Forking(tmp_path / "forks", (FORK,))
    whole, alone = trained(desk, worker, Job("alone", SECOND, tmp_path / "alone"))
    first = Job("0", FIRST, tmp_path / "0", forking=forking)
    assert trained(desk, worker, first)[1].ending is Ending.COMPLETE
    second = Job("1", SECOND, tmp_path / "1", forking=replace(forking, steps=()))
    heard, outcome = trained(desk, worker, second)
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


def test_schedulers_do_not_compare_what_the_trunk_measured(inputs, desk, tmp_path):
    worker = desk.worker(inputs)
    forking = Forking(tmp_path / "forks", (FORK,))
    trained(desk, worker, Job("0", FIRST, tmp_path / "0", forking=forking))
    heard, _ = trained(desk, worker, Job("1", SECOND, tmp_path / "1", forking=forking))
    results = [result_of(each, None) for each in heard]
    assert ["eval_loss" in result and "point" in result for result in results] == [
        False,
        False,
        True,
        True,
    ]
    assert all(result["evaluation"] is each for result, each in zip(results, heard, strict=True))


def test_weights_of_a_best_evaluation_in_the_trunk_are_there(inputs, desk, tmp_path):
    """The branch gets worse after the fork: its best evaluation is the trunk's."""
    worker = desk.worker(inputs)
    forking = Forking(tmp_path / "forks", (FORK,))
    trained(desk, worker, Job("0", FIRST, tmp_path / "0", forking=forking))
    worse = Job("1", SECOND, tmp_path / "1", forking=forking, keeps=True)
    trained(desk, worker, worse)
    for name in ("best/adapter_model.safetensors", "sequence_losses.npz"):
        assert (tmp_path / "1" / name).is_file()


def test_a_branch_killed_before_its_evaluations_were_on_record_begins_at_the_fork_again(
    inputs, desk, tmp_path
):
    worker = desk.worker(inputs)
    forking = Forking(tmp_path / "forks", (FORK,))
    trained(desk, worker, Job("0", FIRST, tmp_path / "0", forking=forking))
    trained(desk, worker, Job("1", SECOND, tmp_path / "1", forking=forking))
    assert list((tmp_path / "1" / "checkpoints").iterdir())
    heard, outcome = trained(desk, worker, Job("again", SECOND, tmp_path / "1", forking=forking))
    assert outcome.cost.shared_steps == FORK
    assert [each.step for each in heard] == [2, 4, 6, 8]
