"""A worker of a slot whose files are gone: the trial fails with the reason, and others go on."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import tiny_training as tiny
import torch
from desk import Desk, without_ray

from trainables.core.evaluation import Ending
from trainables.slots import failures
from trainables.slots.safeguards import Safeguards
from trainables.training.inputs import Inputs
from trainables.training.trainer import TrialTrainer


@pytest.fixture
def desk(monkeypatch) -> Iterator[Desk]:
    without_ray(monkeypatch.setattr)
    desk = Desk()
    yield desk
    desk.shut()


@pytest.fixture
def inputs(tmp_path) -> Inputs:
    return tiny.make_inputs(tmp_path)


def in_the_way(name: str) -> Callable[[Inputs, Path], None]:
    """A file where a folder of the trial's should be."""

    def put(inputs: Inputs, folder: Path) -> None:
        folder.mkdir()
        (folder / name).write_text("in the way")

    return put


HARM: dict[str, Callable[[Inputs, Path], object]] = {
    "model": lambda inputs, folder: shutil.rmtree(inputs.model.name),
    "train": lambda inputs, folder: shutil.rmtree(inputs.train),
    "hurt": lambda inputs, folder: folder.write_text("in the way"),
    "best": in_the_way("best"),
    "checkpoints": in_the_way("checkpoints"),
    "sequence_losses.npz": lambda i, folder: (folder / "sequence_losses.npz").mkdir(parents=True),
}


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("what", HARM)
def test_a_trial_without_its_files_fails_with_their_name_and_the_next_one_trains(
    desk, inputs, tmp_path, what, lanes
):
    worker = desk.worker(inputs, Safeguards(checkpoint_seconds=0, trial_timeout=300), lanes)
    HARM[what](inputs, tmp_path / "hurt")
    _, outcome = desk.trial(worker, tiny.trial(), tmp_path / "hurt")
    assert outcome.ending is Ending.FAILED and what in outcome.error
    tiny.make_inputs(tmp_path)
    losses, outcome = desk.trial(worker, tiny.trial(), tmp_path / "next")
    assert outcome.ending is Ending.COMPLETE and len(losses) == 2


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("says_so", [True, False])
def test_a_full_disk_fails_no_trial_but_closes_the_board(
    desk, inputs, tmp_path, monkeypatch, says_so
):
    """Whether by an OSError or, as safetensors has it, by an error of any other kind."""
    worker = desk.worker(inputs)
    monkeypatch.setattr(Path, "write_text", full)
    if says_so:
        monkeypatch.setattr(worker, "_outcome", full)
    else:
        monkeypatch.setattr(worker, "_outcome", lambda job: 1 / 0)
        monkeypatch.setattr(
            failures.shutil, "disk_usage", lambda folder: SimpleNamespace(free=4096)
        )
    _, outcome = desk.trial(worker, tiny.trial(), tmp_path / "hurt")
    assert outcome.ending is Ending.SUSPENDED
    assert outcome.error.startswith(f"no more files can be written to {tmp_path}/hurt: ")


def test_a_ramp_with_smaller_micro_batches_begins_anew(desk, inputs, tmp_path, monkeypatch):
    """Its steps have other examples, so a checkpoint of the larger ones is of other training."""
    ramped = tiny.trial(batch_ramp={"start_fraction": 0.3, "fraction": 1.0}, budget__steps=6)
    worker = desk.worker(inputs, Safeguards(checkpoint_seconds=0))
    train = TrialTrainer.training_step

    def limited(trainer, *arguments):
        if trainer.state.global_step == 4 and trainer._plan.micro_batch_size == 4:
            raise torch.OutOfMemoryError("out of memory")
        return train(trainer, *arguments)

    monkeypatch.setattr(TrialTrainer, "training_step", limited)
    losses, outcome = desk.trial(worker, ramped, tmp_path / "shrunk")
    assert outcome.attempt.micro_batch_size == 2, outcome
    smaller = ramped.with_params({"micro_batch_size": 2})
    direct, alone = desk.trial(worker, smaller, tmp_path / "direct")
    assert losses[-1] == direct[-1] and outcome.cost.tokens == alone.cost.tokens
