from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from test_live import sweep, trial

from results.winners import rank
from sweeps.finale import show_result
from sweeps.home import SweepFolder


def shown(tmp_path: Path, *records) -> str:
    console = Console(file=io.StringIO(), width=100, soft_wrap=True)
    record = sweep(state="complete")
    show_result(console, record, rank(records, "eval_loss", "min"), SweepFolder(tmp_path))
    return console.file.getvalue()


def write_losses(tmp_path: Path, number: int, per_sequence) -> None:
    folder = SweepFolder(tmp_path).store.trial_folder(number)
    folder.mkdir(parents=True)
    losses = np.asarray(per_sequence, dtype=float)
    counts = np.ones(len(losses), dtype=np.int64)
    np.savez(folder / "sequence_losses.npz", loss_sums=losses, token_counts=counts)


def test_the_winner_is_told_with_its_lead_over_the_base_and_the_next(tmp_path):
    text = shown(tmp_path, trial(0, "complete", 2.5), trial(1, "complete", 2.0), trial(2, "pruned"))
    assert "Trial 1 wins, 2.5000 better than the untouched base model, 0.5000 ahead of" in text
    assert "Left out of the comparison: 1 pruned." in text
    assert "sweep winners alpaca-lora" in text


@pytest.mark.parametrize(
    ("spread", "words"), [(0.001, "not luck of the set"), (3.0, "take the two as equal")]
)
def test_a_winner_says_how_sure_it_is(tmp_path, spread, words):
    rng = np.random.default_rng(0)
    base = rng.normal(2.0, 0.5, 200)
    write_losses(tmp_path, 0, base)
    write_losses(tmp_path, 1, base - 0.05 + rng.normal(0, spread, 200))
    assert words in shown(tmp_path, trial(0, "complete", 2.05), trial(1, "complete", 2.0))


def test_a_sweep_without_a_winner_says_why(tmp_path):
    text = shown(tmp_path, trial(0, "failed", error="CUDA out of memory"))
    assert "nothing won" in text and "CUDA out of memory" in text
