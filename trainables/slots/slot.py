"""The work of a slot, in each of its workers: trial after trial from the board."""

from __future__ import annotations

import platform
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import ray
import torch
from ray.train import get_context

from trainables.board.board_client import BoardClient
from trainables.board.job import ANSWERS, CHECKPOINTS, LOSSES, WEIGHTS, Closed, Job, JobKind
from trainables.core import ranks
from trainables.core.errors import RefusedError, StorageError
from trainables.core.evaluation import Ending, Outcome
from trainables.core.progress import NO_PROGRESS
from trainables.slots import toy
from trainables.slots.board_monitor import BoardMonitor
from trainables.slots.board_progress import BoardProgress
from trainables.slots.failures import failed
from trainables.slots.remote_checkpoints import RemoteCheckpoints
from trainables.slots.safeguards import Safeguards
from trainables.slots.slot_forks import SlotForks
from trainables.slots.slot_lanes import LaneSource, SlotLanes, takes
from trainables.slots.slot_setup import SlotSetup
from trainables.slots.slot_storage import SlotStorage
from trainables.slots.uploads import Uploads
from trainables.training.checkpoints import Checkpoints
from trainables.training.inputs import Inputs
from trainables.training.memory import Memory, release_memory
from trainables.training.watchdog import Watchdog

if TYPE_CHECKING:
    from trainables.training.workshop import Workshop

_SHARE = (
    "set storage.uri to storage that all nodes reach, such as s3://BUCKET/FOLDER, or mount the "
    "sweep home on every node"
)

PATIENCE = 20.0
"""Seconds that rank 0 waits for a job before all ranks meet again, well below any timeout of the
collectives in which the other ranks wait for it."""


def serve(setup: SlotSetup) -> None:
    """The loop of each rank of a slot: take the job given to rank 0, do it, ask again."""
    board, name, inputs = setup.board, setup.name, setup.inputs
    if inputs and _is_blind(board, _unseen(inputs, setup.safeguards.storage)):
        return
    leads = get_context().get_world_rank() == 0
    here = ray.get_runtime_context().get_node_id()
    nodes = ranks.from_every_rank(here)
    life = _hello(board, name, nodes) if leads else 0
    # Two nodes may share a user's home, and so may two workers of a slot.
    safeguards = setup.safeguards.of(f"{name}-{here[:12]}")
    if not leads:
        _work(_Worker(board, inputs, safeguards), None)
        return
    with BoardProgress(board, gpu=torch.cuda.is_available()) as told:
        source = LaneSource.of(setup, partial(_take_like, board, name, life))
        worker = _Worker(board, inputs, safeguards, told, source)
        _work(worker, lambda: _take(board, name, life))


def _work(worker: _Worker, take: Callable[[], Job | Closed | None] | None) -> None:
    """Do one job after the other. Rank 0 takes them and broadcasts them."""
    while True:
        (job,) = ranks.from_rank_zero([take()] if take else None)
        if isinstance(job, Closed):
            worker.clear()
            return
        if job is not None:
            worker.do(job)
            if ranks.any_rank(worker.memory.outgrown(), device=worker.device)[0]:
                return


def _unseen(inputs: Inputs, storage: SlotStorage | None) -> str | None:
    """Why this node cannot train, if it does not see the sweep's files."""
    if storage is not None:
        return storage.unseen() if ranks.leads_node() else None
    why = inputs.unseen()
    return f"{why}; {_SHARE}" if why else None


def _is_blind(board: BoardClient, unseen: str | None) -> bool:
    """Whether a node of the slot does not see the sweep's files, so that the slot is useless.

    The sweep ends if no other slot is up; otherwise only this slot ends, with a StorageError.
    """
    why = next(filter(None, ranks.from_every_rank(unseen)), None)
    if why is None:
        return False
    if ranks.rank() == 0 and not board.alive():
        board.close(why)
    ranks.barrier()
    if board.why_closed() is None:
        raise StorageError("this node", why)
    return True


def _hello(board: BoardClient, name: str, nodes: list[str]) -> int:
    with suppress(ray.exceptions.RayActorError):  # `_take` will notice
        return board.hello(name, _device(), nodes)
    return 0


def _take(board: BoardClient, name: str, life: int) -> Job | Closed | None:
    """The next job. If its board is lost, the slot exits and its driver starts again.

    It must not be killed: Ray might not free its resources.
    """
    try:
        return board.take(name, life, PATIENCE)
    except ray.exceptions.RayActorError:
        return Closed()


def _take_like(board: BoardClient, name: str, life: int, kind: Hashable) -> Job | None:
    """A trial for a free lane; none if the board is lost."""
    try:
        return board.take_like(name, life, kind)
    except ray.exceptions.RayActorError:
        return None


def _device() -> str:
    """The device of the slot's workers: `2 × NVIDIA H200`, `x86_64 CPU`."""
    gpu = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if gpu else f"{platform.machine()} CPU"
    workers = ranks.world_size()
    return f"{workers} × {device}" if workers > 1 else device


class _Worker:
    """One rank of a slot. The workshop is set up at the first job that needs it."""

    def __init__(
        self,
        board: BoardClient,
        inputs: Inputs | None,
        safeguards: Safeguards,
        told: BoardProgress | None = None,
        lane_source: LaneSource | None = None,
    ) -> None:
        self._board = board
        self._told = told
        self._progress = told.progress if told else NO_PROGRESS
        self._inputs = inputs
        self._safeguards = safeguards
        self._storage = safeguards.storage
        self._watchdog = Watchdog(safeguards.hangs_after)
        # The device on which the ranks agree with each other.
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._workshop: Workshop | None = None
        self.memory = Memory()
        self._lanes = (
            SlotLanes(
                board,
                told,
                self._watchdog,
                self._storage,
                self._begun,
                lane_source,
                self.memory,
            )
            if lane_source and told
            else None
        )

    def do(self, job: Job) -> None:
        """Do one job; if it fails, its record says so and the slot stays alive.

        If other ranks may be waiting inside a collective, or if this process has lost its device,
        the slot restarts and the board gives the trial another try. Only refusals during a trial's
        setup are the same on all ranks.
        """
        if self._told:
            self._told.takes(job)
        if self._storage:
            self.clear()
            ranks.barrier()
            job = replace(job, folder=self._storage.local(job.folder))
        try:
            with self._watchdog.watching(job.folder):
                if self._trained_in_lanes(job):
                    return
                job = self._with_micro_batch(job)
                outcome = self._outcome(job)
        except RefusedError as error:
            outcome = failed(self._board, job, error, self._storage)
        except Exception as error:
            outcome = failed(self._board, job, error, self._storage)
            self._bound_growth(job, outcome)
            if ranks.world_size() > 1 or isinstance(error, torch.AcceleratorError):
                self._board.fault(job.trial_id, outcome)
                raise
        if outcome.ending is Ending.FAILED:
            release_memory()  # the traceback has released the trial's tensors only now
        if ranks.rank() == 0:
            self._board.ended(job.trial_id, outcome)

    def clear(self) -> None:
        """Delete the files of finished jobs on this node."""
        if self._storage and ranks.leads_node():
            self._storage.clear()

    def _trained_in_lanes(self, job: Job) -> bool:
        """Whether the job was trained in a lane, which has told how it ended."""
        if self._lanes is None or not takes(job, self._inputs):
            return False
        return self._lanes.train(job, self._warm_workshop())

    def _outcome(self, job: Job) -> Outcome:
        if job.kind is JobKind.MEASURE_BASE:
            return self._measure_base(job)
        if job.kind is JobKind.TEST:
            return self._test(job, job.folder / WEIGHTS if job.config.tunes.trains else None)
        if job.kind is JobKind.TEST_BASE:
            return self._test(job, None)
        with Uploads() as uploads:
            return self._train(job, uploads)

    def _train(self, job: Job, uploads: Uploads) -> Outcome:
        if not job.config.learns.trains:
            monitor = self._monitor(job, uploads)
            return toy.train(job.config, monitor, self._progress)
        workshop = self._warm_workshop()
        with self._progress.phase("looking for a fork"):
            monitor, checkpoints = self._begun(job, uploads, workshop)
        before = workshop.loading_seconds
        try:
            outcome = workshop.train(job.config, monitor, checkpoints)
        except BaseException:
            if ranks.world_size() > 1:
                checkpoints.give_up()  # the other ranks will not come to finish it
            raise
        if outcome.ending is not Ending.SUSPENDED:
            checkpoints.give_up()
        self._watchdog.alive()
        loading = workshop.loading_seconds - before
        return replace(outcome, cost=replace(outcome.cost, loading_seconds=loading))

    def _begun(
        self, job: Job, uploads: Uploads, workshop: Workshop
    ) -> tuple[BoardMonitor, Checkpoints]:
        """What watches a trial and what keeps its state, with what a fork gives it."""
        if job.forking is None:
            return self._monitor(job, uploads), self._checkpoints(job, uploads)
        forks = SlotForks(job, job.forking, workshop, self._layout(job))
        monitor = self._monitor(forks.begun(self._board), uploads)
        every = self._safeguards.checkpoint_seconds
        return monitor, forks.checkpoints(every, monitor.evaluations)

    def _monitor(self, job: Job, uploads: Uploads) -> BoardMonitor:
        return BoardMonitor(self._board, job, self._watchdog, self._storage, uploads)

    def _with_micro_batch(self, job: Job) -> Job:
        """The job with the micro-batch that its trial leaves open."""
        config = job.config
        if job.kind is not JobKind.TRAIN or not (config.micro_batch_grows and config.learns.trains):
            return job
        from trainables.planning.growth import with_grown_micro_batch

        workshop = self._warm_workshop()
        with self._progress.phase("finding the fastest micro-batch size"):
            return replace(job, config=with_grown_micro_batch(workshop, config))

    def _bound_growth(self, job: Job, outcome: Outcome) -> None:
        """Later trials do not grow to a micro-batch that ran out of memory."""
        if outcome.micro_batch_size is None or not job.config.micro_batch_grows or not self._inputs:
            return
        from trainables.planning.growth import bound_growth

        bound_growth(self._inputs, job.config, outcome.micro_batch_size)

    def _checkpoints(self, job: Job, uploads: Uploads) -> Checkpoints:
        folder, every = job.folder / CHECKPOINTS, self._safeguards.checkpoint_seconds
        layout = self._layout(job)
        if self._storage:
            return RemoteCheckpoints(folder, every, layout, self._storage.remote(folder), uploads)
        return Checkpoints(folder, every, layout)

    def _layout(self, job: Job) -> str:
        config = job.config
        layout = f"{ranks.world_size()} workers, {config.deepspeed!r}"
        # A ramp is made of whole micro-batches: its steps have other examples with smaller ones.
        ramps = config.batch_ramp.start_fraction < 1
        return f"{layout}, micro-batches of {config.micro_batch_size}" if ramps else layout

    def _measure_base(self, job: Job) -> Outcome:
        if not job.config.learns.trains:
            evaluation = toy.measure_base(job.config)
        else:
            losses, answers = job.folder / LOSSES, job.folder / ANSWERS
            workshop = self._warm_workshop()
            evaluation = workshop.measure_base(job.config, losses, answers)
            cost = replace(evaluation.cost, loading_seconds=workshop.loading_seconds)
            evaluation = replace(evaluation, cost=cost)
            if self._storage and ranks.rank() == 0:
                self._storage.push(losses)
                if job.config.evaluation.metrics:
                    self._storage.push(answers)
        if ranks.rank() == 0:
            self._board.evaluated(job.trial_id, evaluation)
        return Outcome(Ending.COMPLETE, evaluation.cost)

    def _test(self, job: Job, weights: Path | None) -> Outcome:
        if weights is not None and self._storage:
            with self._progress.phase("fetching weights"):
                if ranks.leads_node():
                    self._storage.pull(weights)
                ranks.barrier()
        if weights is not None and not weights.is_dir():
            raise RefusedError(f"trial {job.trial_id} left no weights in {weights}")
        evaluation = self._warm_workshop().test(job.config, weights)
        if ranks.rank() == 0:
            self._board.evaluated(job.trial_id, evaluation)
        return Outcome(Ending.COMPLETE, evaluation.cost)

    def _warm_workshop(self) -> Workshop:
        if self._workshop is None:
            # Imported here: a toy trial's slot needs neither torch models nor transformers.
            from trainables.training.workshop import Workshop

            assert self._inputs is not None, "a trial that trains needs inputs"
            inputs = self._inputs
            if self._storage:
                with self._progress.phase("fetching model and data"):
                    inputs = self._storage.at_hand(inputs, ray.get_runtime_context().get_node_id())
            self._workshop = Workshop(inputs, self._watchdog, self._progress)
        return self._workshop
