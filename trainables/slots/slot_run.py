"""A slot: one Ray Train run that stays warm and trains trial after trial from the board.

This is its only process on the head, which has no torch.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from contextlib import suppress

import ray
from ray.train import FailureConfig, RunConfig, ScalingConfig

from trainables.slots.failure_callback import FailureCallback
from trainables.slots.process_group import ProcessGroup
from trainables.slots.slot_setup import SlotSetup
from trainables.slots.slot_size import SlotSize
from trainables.slots.slot_trainer import SlotTrainer


def run_slot(setup: SlotSetup) -> None:
    """Run one slot until the board closes. Blocks; raises if the slot cannot be kept alive.

    The board counts the tries of each trial, so that a trial that kills its slot is not retried for
    ever. Workers are replaced between two trials if their memory has grown too much, and at once if
    their node will be taken away.
    """
    # The board looks for draining nodes itself; Train's own watcher would be one more process.
    os.environ["RAY_TRAIN_ENABLE_PREEMPTION_WATCHER"] = "0"
    try:
        for shift in itertools.count():
            _trainer(setup, f"{setup.name}-{shift}").fit()
            if not setup.board.wants(setup.name):
                return
    finally:
        with suppress(ray.exceptions.RayActorError):  # a lost board must not hide another cause
            setup.board.lost(setup.name)


def _trainer(setup: SlotSetup, run_name: str) -> SlotTrainer:
    size = setup.size
    return SlotTrainer(
        _serve,
        train_loop_config={"setup": setup},
        backend_config=ProcessGroup("nccl" if size.gpus else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=size.workers,
            use_gpu=size.gpus > 0,
            resources_per_worker={"CPU": size.cpus, **({"GPU": size.gpus} if size.gpus else {})},
        ),
        run_config=RunConfig(
            name=run_name,
            storage_path=str(setup.folder),
            failure_config=FailureConfig(max_failures=setup.restarts),
            callbacks=[FailureCallback(setup.board, setup.name)],
            worker_runtime_env={"env_vars": _environment(size)},
        ),
    )


def _environment(size: SlotSize) -> dict[str, str]:
    quiet = {"TOKENIZERS_PARALLELISM": "false", "TRANSFORMERS_VERBOSITY": "error"}
    # DeepSpeed looks for a GPU unless told that there is none.
    return quiet if size.gpus else {**quiet, "DS_ACCELERATOR": "cpu"}


def _serve(config: Mapping[str, SlotSetup]) -> None:
    from trainables.slots.slot import serve

    serve(config["setup"])
