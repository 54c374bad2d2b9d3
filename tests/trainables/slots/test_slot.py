"""Real slots on a real, small Ray cluster, with toy trials."""

from __future__ import annotations

import os
import platform
import signal
from collections import Counter

import books
import psutil
import pytest
from waiting import wait_until

from sweeps.cluster.ray_session import ON_HEAD
from sweeps.cluster.slots import _SPARE_RESTARTS, Slots
from trainables.board.board import Board
from trainables.board.board_client import BoardClient
from trainables.board.job import Job, JobKind
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Ending, Evaluation
from trainables.slots import toy
from trainables.slots.safeguards import Safeguards
from trainables.slots.slot_size import SlotSize

pytestmark = pytest.mark.ray

TOY = TrialConfig(model="toy", objective="toy", budget={"evaluations": 3}, learning_rate=3e-4)
PATIENCE = 60.0


class Site:
    """A board with one slot at it, and what clients do there."""

    def __init__(self, folder):
        self._folder = folder
        self._heard = Counter()
        self.board = BoardClient.start({"eval_loss": "min"}, 1, 1, ON_HEAD)
        self.slots = Slots(self.board, ON_HEAD)

    def open(self, folder=None, restarts=8):
        size = SlotSize(workers=1, cpus=1, gpus=0)
        deaths = restarts - _SPARE_RESTARTS
        self.slots.start(1, size, Safeguards(), None, folder or self._folder / "ray", deaths)
        return self

    def submit(self, trial_id, kind=JobKind.TRAIN, **params):
        config = TOY.with_params({name.replace("__", "."): v for name, v in params.items()})
        job = Job(trial_id, config, self._folder / trial_id, kind)
        self.call("submit", job)

    def call(self, method, *arguments):
        return self.board._send(getattr(Board, method), *arguments).get(PATIENCE)

    def event(self, trial_id):
        self._heard[trial_id] += 1
        return self.call("event", trial_id, self._heard[trial_id] - 1)

    def end(self, trial_id):
        """All further evaluations of the trial, and its outcome."""
        evaluations = []
        while isinstance(event := self.event(trial_id), Evaluation):
            evaluations.append(event)
        return evaluations, event


def processes(title):
    """The processes of this session's Ray that have a title."""
    return books.processes(psutil.Process(), title)


def worker_process():
    wait_until(lambda: len(processes("RayTrainWorker")) == 1)  # an earlier one takes a while to end
    (worker,) = processes("RayTrainWorker")
    return worker.pid


@pytest.fixture(scope="module")
def site(ray_cluster, tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("slot")).open()
    site.submit("warm-up")
    assert site.end("warm-up")[1].ending is Ending.COMPLETE
    yield site
    site.slots.close(PATIENCE, PATIENCE)


def test_one_process_trains_one_trial_after_another(site):
    before = worker_process()
    for number in range(5):
        site.submit(f"plain-{number}", learning_rate=1e-4 * (1 + number))
    for number in range(5):
        evaluations, outcome = site.end(f"plain-{number}")
        assert outcome.ending is Ending.COMPLETE
        config = TOY.with_params({"learning_rate": 1e-4 * (1 + number)})
        losses = [evaluation.metrics["eval_loss"] for evaluation in evaluations]
        assert losses == [toy.loss_at(config, point / 3) for point in (1, 2, 3)]
    assert worker_process() == before


def test_a_crash_is_its_trials_own_affair(site, tmp_path):
    before = worker_process()
    site.submit("crash", learning_rate=1.0, toy__crash_above=0.1)
    site.submit("diverge", learning_rate=1.0, toy__diverge_above=0.1)
    site.submit("next")
    evaluations, outcome = site.end("crash")
    assert outcome.ending is Ending.FAILED and len(evaluations) == 1
    assert outcome.error.startswith("RuntimeError: the toy trial crashes at step 20")
    traceback = (site._folder / "crash" / "error-rank0.txt").read_text()
    assert "Traceback" in traceback and "_misbehave" in traceback
    assert site.end("diverge")[1].ending is Ending.DIVERGED
    assert site.end("next")[1].ending is Ending.COMPLETE
    assert worker_process() == before


def test_the_base_model_is_measured_on_request(site):
    site.submit("base", JobKind.MEASURE_BASE)
    (evaluation,), outcome = site.end("base")
    assert evaluation == toy.measure_base(TOY) and outcome.ending is Ending.COMPLETE


def test_a_slot_starts_no_process_that_it_does_not_need(site):
    assert processes("RayTrainWorker")
    of_train = ("DatasetManager", "PlacementGroupCleaner", "TrainController")
    assert not any(map(processes, (*of_train, "SynchronizationActor", "AutoscalingCoordinator")))


def test_a_slots_process_on_the_head_is_without_torch(site):
    """Of each slot of a cluster; a head is a small machine."""

    def has_torch(process):
        return any("libtorch" in mapped.path for mapped in process.memory_maps())

    assert has_torch(psutil.Process(worker_process()))
    head = processes("ray::SlotDriver")
    assert head and not any(map(has_torch, head))


def test_a_cancelled_trial_makes_room_for_the_next(site):
    site.submit("long", toy__seconds=0.2, budget__evaluations=200)
    site.submit("next in line")
    site.event("long")
    site.call("cancel", "long")
    evaluations, outcome = site.end("long")
    assert outcome.ending is Ending.STOPPED and len(evaluations) < 199
    assert site.end("next in line")[1].ending is Ending.COMPLETE


def test_a_killed_worker_costs_its_trial_a_retry_and_nobody_else_anything(site):
    before = worker_process()
    site.submit("hurt", toy__seconds=0.5, budget__evaluations=4)
    site.submit("behind")
    first = site.event("hurt")
    os.kill(before, signal.SIGKILL)
    evaluations, outcome = site.end("hurt")
    assert outcome.ending is Ending.COMPLETE
    assert [e.point for e in (first, *evaluations)] == [1, 2, 3, 4]
    assert (first.attempt.number, outcome.attempt.number) == (1, 2)
    assert first.attempt.device == f"{platform.machine()} CPU" == outcome.attempt.device
    assert worker_process() != before
    assert site.end("behind")[1].ending is Ending.COMPLETE


def test_a_slot_goes_home_when_the_board_closes(ray_cluster, site, tmp_path):
    """Last in this file: it closes the board that the others use."""
    (task,) = site.slots._tasks
    assert site.slots.lost() is None
    site.slots.close(PATIENCE, PATIENCE)
    assert ray_cluster.get(task, timeout=PATIENCE) is None
    site.submit("late")
    assert site.event("late").error == "the sweep is over" == site.slots.lost()


def test_a_device_that_is_lost_costs_the_slot_its_process_and_the_trial_a_retry(
    ray_cluster, tmp_path
):
    """Every later trial in that process would fail too, so the trial is not told that it ended."""
    import torch

    from trainables.slots.slot import _Worker

    class Broken(_Worker):
        def _outcome(self, job):
            raise torch.AcceleratorError("CUDA error: device-side assert triggered")

    site = Site(tmp_path)
    site.submit("a")
    for _ in range(2):
        job = site.call("take", "slot-0", site.call("hello", "slot-0"), PATIENCE)
        with pytest.raises(torch.AcceleratorError):
            Broken(board=site.board, inputs=None, safeguards=Safeguards()).do(job)
    site.call("hello", "slot-0")
    error = site.event("a").error
    assert error.startswith("its slot died 2 times") and "device-side assert" in error
    assert "device-side assert" in (tmp_path / "a" / "error-rank0.txt").read_text()


def test_where_no_slot_can_live_nobody_waits_for_one(ray_cluster, tmp_path):
    (tmp_path / "file").write_text("where a folder should be")
    site = Site(tmp_path).open(folder=tmp_path / "file")
    site.submit("a")
    outcome = site.event("a")
    assert outcome.ending is Ending.SUSPENDED
    assert outcome.error.startswith("no slot is left: ") and str(tmp_path / "file") in outcome.error


def test_a_trial_whose_slot_is_lost_for_good_does_not_wait_for_ever(ray_cluster, tmp_path):
    site = Site(tmp_path).open(restarts=0)
    site.submit("a", toy__seconds=0.2, budget__evaluations=500)
    site.event("a")
    os.kill(worker_process(), signal.SIGKILL)
    outcome = site.end("a")[1]
    assert outcome.ending is Ending.SUSPENDED and outcome.error.startswith("no slot is left: ")
