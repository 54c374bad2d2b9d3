"""What a slot says of itself while it works, as the board passes it on."""

from __future__ import annotations

import pytest
import tiny_training as tiny
from desk import Desk, without_ray

from trainables.board.board_client import BoardClient
from trainables.board.job import Job
from trainables.core.evaluation import Ending
from trainables.core.progress import Phase, Progress
from trainables.slots.board_progress import BoardProgress
from trainables.slots.safeguards import Safeguards
from trainables.slots.slot import _Worker
from trainables.slots.slot_lanes import LaneSource
from trainables.training import base, slow_precision
from trainables.training.workshop import Workshop


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny.make_inputs(tmp_path_factory.mktemp("progress"))


def test_a_trial_tells_what_it_loads_each_step_and_that_it_evaluates(inputs):
    told: list[tuple[Phase, ...]] = []
    workshop = Workshop(inputs, progress=Progress(told.append))
    outcome, _ = tiny.run_trial(workshop)
    assert outcome.ending is Ending.COMPLETE
    assert told[0] == (Phase("loading the model"),)
    training = [phases for phases in told if phases and phases[0].text == "training"]
    # Two micro-batches a step.
    steps = list(dict.fromkeys(phases[0].done for phases in training))
    assert steps == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]
    assert {phases[0].total for phases in training} == {4}
    evaluating = [phases[1] for phases in training if len(phases) > 1]
    assert {each.text for each in evaluating} == {"evaluating"}
    assert [each.done for each in evaluating] == [0, 1, 2, 3, 4] * 2, "13 examples, 4 at once"
    assert told[-1] == ()


class Reception(Desk):
    """A desk at which each evaluation is a moment to tell the board and to look at it."""

    told: BoardProgress
    looks: list

    def ask(self, name, *arguments):
        if name == "evaluated":
            self.told.tell()
            self.looks.append(super().ask("overview")[0].phases)
        return super().ask(name, *arguments)


@pytest.fixture
def desk(monkeypatch):
    without_ray(monkeypatch.setattr)
    desk = Reception()
    desk.looks = []
    desk.told = BoardProgress(BoardClient(desk), gpu=False)
    yield desk
    desk.shut()


def worker_at(desk, inputs, lanes=1):
    source = LaneSource(lanes, lambda kind: None) if lanes > 1 else None
    return _Worker(BoardClient(desk), inputs, Safeguards(), desk.told, source)


def test_the_board_knows_how_far_a_slot_is(desk, inputs, tmp_path):
    desk.trial(worker_at(desk, inputs), tiny.trial(), tmp_path / "0")
    assert desk.looks == [(Phase("training", done, 4, "step"),) for done in (2, 4)]
    (state,) = desk.ask("overview")
    assert (state.job, state.phases) == (None, ())


def test_so_it_does_of_a_trial_that_cannot_share_the_base_with_others(desk, inputs, tmp_path):
    alone = tiny.trial(lora__target_modules=("q_proj", "lm_head"))
    desk.trial(worker_at(desk, inputs, lanes=2), alone, tmp_path / "0")
    assert desk.looks == [(Phase("training", done, 4, "step"),) for done in (2, 4)]


@pytest.mark.parametrize("lanes", [1, 2])
def test_and_that_it_loads_the_model(desk, inputs, tmp_path, monkeypatch, lanes):
    load = base.load_model

    def watched(*arguments):
        desk.told.tell()
        desk.looks.append(desk.ask("overview")[0].phases)
        return load(*arguments)

    monkeypatch.setattr(base, "load_model", watched)
    desk.trial(worker_at(desk, inputs, lanes), tiny.trial(), tmp_path / "0")
    assert desk.looks[0] == (Phase("loading the model"),)


def test_the_board_is_told_only_of_changes(desk, tmp_path):
    sent = []
    desk.ask = lambda *call: sent.append(call)
    desk.told.takes(Job("7", tiny.trial(), tmp_path))
    with desk.told.progress.phase("training"):
        for _ in range(3):
            desk.told.tell()
    desk.told.tell()
    assert sent == [("at", "7", (Phase("training"),), ()), ("at", "7", (), ())]


def test_a_slow_precision_is_remarked_once(desk, inputs, tmp_path, monkeypatch):
    monkeypatch.setattr(slow_precision, "SLOW", 0.0)  # any CPU is slow by that
    worker = worker_at(desk, inputs)
    for number, precision in enumerate(("fp32", "bf16", "bf16")):
        desk.trial(worker, tiny.trial(precision=precision), tmp_path / str(number))
        (state,) = desk.ask("overview")
        assert len(state.remarks) == min(number, 1)
    assert state.remarks[0].startswith("precision: bf16 is slow on the CPU of ")


def test_so_are_whole_logits(desk, inputs, tmp_path, monkeypatch):
    monkeypatch.setattr("trainables.training.base.apart", lambda model: None)
    worker = worker_at(desk, inputs)
    for number, precision in enumerate(("fp32", "fp32")):
        desk.trial(worker, tiny.trial(precision=precision), tmp_path / str(number))
    (state,) = desk.ask("overview")
    (remark,) = state.remarks
    assert "whole logits" in remark
