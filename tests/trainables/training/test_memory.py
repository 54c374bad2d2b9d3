from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import tiny_training as tiny
import torch

from trainables.training import memory
from trainables.training.memory import Memory, is_out_of_memory

GIB = 2**30


@pytest.mark.parametrize(
    ("held", "after"),
    [
        ([1.0, 2.0, 2.0, 3.9, 4.0], None),  # its first trials load what stays
        ([1.0, 2.0, 2.0, 3.9, 4.1], 4),
        ([0.1, 0.1, 0.1, 0.9, 1.0], None),  # many times of little
        ([0.1, 0.1, 0.1, 1.2], 3),
        ([9.0, 1.0, 1.0, 17.0], None),
        ([1.0, 9.0], None),  # too early to tell
    ],
)
def test_a_worker_that_has_doubled_and_grown_by_a_gibibyte_is_replaced(monkeypatch, held, after):
    sizes = iter(SimpleNamespace(rss=int(each * GIB)) for each in held)
    process = SimpleNamespace(memory_info=lambda: next(sizes))
    monkeypatch.setattr(memory.psutil, "Process", lambda: process)
    seen = Memory()
    outgrown = [seen.outgrown() for _ in held]
    assert outgrown == [number == after for number in range(len(held))]


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."), True),
        (torch.AcceleratorError("CUDA error: out of memory"), True),  # pinned memory, for one
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("NCCL error: Cuda failure 2 'out of memory'"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (MemoryError(), True),
        (torch.AcceleratorError("CUDA error: device-side assert triggered"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (OSError("out of memory"), False),
    ],
)
def test_what_says_that_memory_is_short_is_known_by_its_words(error, is_one):
    assert is_out_of_memory(error) is is_one


@pytest.mark.chaos
def test_a_batch_that_does_not_fit_is_halved_until_it_does(tmp_path):
    """For real: the process may take so many bytes and no more."""
    script = Path(tiny.__file__).with_name("out_of_memory.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        env={**os.environ, "DS_ACCELERATOR": "cpu"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert "can't allocate memory" in seen["error"]
    assert seen["ending"] == "complete"
    number = seen["attempt"]["number"]
    assert number > 1
    assert seen["attempt"]["micro_batch_size"] == seen["wanted"] // 2 ** (number - 1)
    assert len(seen["losses"]) == 2
    assert seen["losses"] == pytest.approx(seen["direct"], abs=1e-5)
    failed = seen["resident"]["shrunk"][: number - 1]
    assert max(failed) < seen["resident"]["warm-up"][-1] + 64, "megabytes, after each failure"


METHODS = [
    {"lora__rank": 4},
    {"lora__rank": 8, "gradient_checkpointing": True},
    {"method": "full", "learning_rate": 1e-3},
    {"method": "freeze"},
]


@pytest.mark.chaos
def test_sixty_trials_leave_a_process_as_large_as_twenty(tmp_path):
    from trainables.training.workshop import Workshop

    workshop = Workshop(tiny.make_inputs(tmp_path))
    process, seen = psutil.Process(), []
    for number in range(60):
        tiny.run_trial(workshop, seed=number, **METHODS[number % len(METHODS)])
        held = process.memory_info().rss / 2**20
        seen.append((held, process.num_fds(), process.num_threads()))
    for which, (first, last) in enumerate(zip(most(seen[:20]), most(seen[-20:]), strict=True)):
        assert last <= first + (16 if which == 0 else 0), "megabytes, files, threads"


def most(seen: list[tuple]) -> list[float]:
    return [max(column) for column in zip(*seen, strict=True)]
