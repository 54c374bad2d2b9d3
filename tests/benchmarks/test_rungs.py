"""Early stopping replayed on whole curves: decisions by a part, orders, examples measured."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.rungs.curves import figures
from benchmarks.rungs.measured import by_example, complete, losses_at, values
from benchmarks.rungs.replay import replayed, stops
from results.records.record import Measurement, TrialRecord, TrialStatus
from sweeps.home.home import SweepFolder

EXAMPLES = 40


def losses(ends: list[float], points: int = 9) -> np.ndarray:
    """[trials, points, examples]: curves that fall evenly by 1, and never cross."""
    curves = np.asarray(ends)[:, None] + 1 - np.arange(1, points + 1) / points
    return np.repeat(curves[:, :, None], EXAMPLES, axis=2)


def test_the_worst_stop_at_the_first_rung():
    curves = losses([1.0, 3.0, 2.0, 0.5]).mean(axis=2)
    assert stops(curves, 1) == [None, 1, 1, None]
    assert stops(curves, 3) == [None, 3, 3, None]


def test_a_part_of_equal_examples_decides_as_all_of_them():
    sums = losses([float(each) for each in np.random.default_rng(0).permutation(12)])
    (row,) = list(replayed(sums, np.ones(EXAMPLES), 1.0, 5, np.random.default_rng(0)))[:1]
    size, error, alike, same, won, worse, measured, share = row
    assert (size, alike, same, won, worse) == ("12 of 40", "100.0%", "100%", "100%", "+0.000")
    assert float(error) == pytest.approx(0, abs=1e-9)
    before, after = (float(each.strip("%")) for each in share.split(" -> "))
    assert float(measured.strip("%")) < 80 and after < before


def test_a_part_of_noise_decides_otherwise():
    noise = np.random.default_rng(0).normal(0, 30, (12, 9, EXAMPLES))
    sums = losses([float(each) for each in range(12)]) + noise
    (row,) = list(replayed(sums, np.ones(EXAMPLES), 1.0, 5, np.random.default_rng(0)))[:1]
    assert float(row[1]) > 1 and float(row[2].strip("%")) < 90


def test_a_sweeps_curves_are_read_from_its_folder(tmp_path):
    folder = SweepFolder(tmp_path)
    ends = [("complete", 1.0), ("complete", 2.0), ("failed", 3.0), ("complete", 4.0)] * 2
    for number, (status, end) in enumerate(ends):
        points = [1, 3, 5, 7, 9]
        for point in points:
            file = losses_at(folder.store.trial_folder(number), point)
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(file, loss_sums=[end, end + point], token_counts=[1, 1])
        measured = [
            Measurement(point=p, step=p, tokens=p, seconds=1.0, metrics={"eval_loss": end + p / 2})
            for p in points
        ]
        folder.store.write_trial(
            TrialRecord(
                sweep="s",
                number=number,
                status=TrialStatus(status),
                params={"schedule": "wsd"},
                measurements=tuple(measured),
            )
        )
    trials = complete(folder.store)
    assert values(trials[0]) == [1.5, 1.5, 2.5, 2.5, 3.5, 3.5, 4.5, 4.5, 5.5]
    sums, counts = by_example(folder, trials, "eval_loss")
    assert sums.shape == (6, 9, 2) and counts.tolist() == [1, 1]
    assert sums[1, 3].tolist() == [2.0, 5.0]  # point 4 has the losses of point 3
    assert figures(folder)[:3] == ("6 of 8", "9 to 9", "1.500")
