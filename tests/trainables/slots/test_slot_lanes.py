"""A slot with lanes: jobs from the board side by side, each told apart and with its own files."""

from __future__ import annotations

import pytest
import tiny_training as tiny
from desk import Desk, without_ray

from trainables.board.board_client import BoardClient
from trainables.board.job import LOSSES, WEIGHTS, Job
from trainables.core.errors import RefusedError
from trainables.core.evaluation import Ending, Evaluation
from trainables.lanes.limits import AutoLanes
from trainables.lanes.probe import Probe
from trainables.slots.board_progress import BoardProgress
from trainables.slots.safeguards import Safeguards
from trainables.slots.slot import _Worker
from trainables.slots.slot_lanes import LaneSource
from trainables.slots.slot_setup import SlotSetup
from trainables.slots.slot_size import SlotSize
from trainables.training import base


@pytest.fixture
def desk(monkeypatch):
    without_ray(monkeypatch.setattr)
    desk = Desk()
    yield desk
    desk.shut()


@pytest.fixture
def inputs(tmp_path):
    return tiny.make_inputs(tmp_path)


def served(desk, inputs, folder, lanes, jobs):
    """All jobs done by a slot with so many lanes: (losses, outcome) of each."""
    life = desk.ask("hello", "slot")
    client = BoardClient(desk)
    setup = SlotSetup("slot", SlotSize(1, 1.0, 0.0), Safeguards(), client, inputs, folder, 0, lanes)
    source = LaneSource.of(setup, lambda kind: desk.ask("take_like", "slot", life, kind))
    told = BoardProgress(client, gpu=False)
    worker = _Worker(client, inputs, Safeguards(), told, source)
    for name, params in jobs.items():
        desk.ask("submit", Job(name, tiny.trial(**params), folder / name))
    while desk.board._queue.unfinished():
        worker.do(desk.ask("take", "slot", life, 0.0))
    return {name: events(desk, name) for name in jobs}


def events(desk, name):
    losses = []
    while isinstance(event := desk.ask("event", name, len(losses)), Evaluation):
        losses.append(event.metrics["eval_loss"])
    return losses, event


JOBS = {
    "0": {},
    "1": {"lora__rank": 8, "seed": 3},
    "refused": {"lora__target_modules": ("nothing",)},
    "head": {"lora__target_modules": ("q_proj", "lm_head")},
    "full": {"method": "full", "learning_rate": 1e-4},
    "2": {"lora__target_modules": "attention"},
    "3": {"batch_size": 4},
}


def test_each_job_of_a_slot_with_lanes_ends_as_alone(desk, inputs, tmp_path):
    found = served(desk, inputs, tmp_path / "lanes", 3, JOBS)
    losses, refused = found.pop("refused")
    assert refused.ending is Ending.FAILED and "nothing" in refused.error and not losses

    other = Desk()
    alone = served(other, inputs, tmp_path / "alone", 1, JOBS)
    other.shut()
    for name, (losses, outcome) in found.items():
        assert outcome.ending is Ending.COMPLETE, outcome
        assert losses == pytest.approx(alone[name][0], abs=1e-5)
        assert outcome.cost.tokens == alone[name][1].cost.tokens
    loaded = {name for name, (_, outcome) in found.items() if outcome.cost.loading_seconds}
    assert "0" in loaded and loaded <= {"0", "full"}, "the others found the base loaded"
    together = {name: outcome.cost.lanes for name, (_, outcome) in found.items()}
    assert max(together.values()) > 1
    assert together["full"] == together["head"] == 1
    assert desk.ask("lanes") == 1, "nothing was found"
    best = min(found, key=lambda name: found[name][0][-1])
    files = {path.name for path in (tmp_path / "lanes" / best / WEIGHTS).iterdir()}
    assert "adapter_model.safetensors" in files or best == "full"
    assert (tmp_path / "lanes" / best / LOSSES).is_file()


def test_a_trial_that_cannot_share_the_base_does_not_wait_for_later_ones(desk, inputs, tmp_path):
    """Which might come for as long as the sweep lasts."""
    ended, ask = [], desk.ask

    def watched(name, *arguments):
        if name == "ended":
            ended.append(arguments[0])
        return ask(name, *arguments)

    desk.ask = watched
    served(desk, inputs, tmp_path, 2, {"head": JOBS["head"], "1": {}, "2": {"seed": 3}})
    assert ended == ["head", "1", "2"]


def test_a_base_that_cannot_be_loaded_fails_the_trial_and_not_the_slot(
    desk, inputs, tmp_path, monkeypatch
):
    def unlent(model):
        raise RefusedError("packed examples would see each other")

    monkeypatch.setattr(base, "check_isolation", unlent)
    found = served(desk, inputs, tmp_path, 3, {"0": {"data__packing": True}, "1": {}})
    assert "see each other" in found["0"][1].error and not found["0"][0]
    assert found["1"][1].ending is Ending.COMPLETE


def test_a_slot_finds_its_lanes_at_the_first_trial_that_can_share_and_tells_the_board(
    desk, inputs, tmp_path, monkeypatch
):
    """However fast this machine is: a pass of two lanes takes no longer than one of one."""
    monkeypatch.setattr(Probe, "seconds", lambda self, count: 0.1 if count <= 4 else 1.0)
    jobs = {"full": JOBS["full"], **{str(number): {"seed": number} for number in range(6)}}
    found = served(desk, inputs, tmp_path, AutoLanes((1.0,) * 16, 1000), jobs)
    assert {outcome.ending for _, outcome in found.values()} == {Ending.COMPLETE}
    assert desk.ask("lanes") == 4
    (state,) = desk.ask("overview")
    assert state.limits.pay == 4 and state.limits.fit > 100
    (known,) = desk.ask("lanes_found").values()
    assert known == state.limits
    assert found["0"][1].cost.lanes == 4 and found["full"][1].cost.lanes == 1
