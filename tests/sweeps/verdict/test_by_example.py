"""Values by example, against the metric's own value and error."""

from __future__ import annotations

import numpy as np
import pytest

from results.ranking.certainty import load_sequence_losses, paired_difference
from sweeps.verdict.by_example import values_by_example
from trainables.board.job import LOSSES
from trainables.losses.loss import Scores
from trainables.metrics.metric import Measured
from trainables.metrics.registry import computed
from trainables.training.run import write_losses

DRAW = np.random.default_rng(3)
COUNTS = DRAW.integers(5, 60, 80).astype(float)
LABELS = np.arange(80) % 3


def place_of(root, columns=None, losses=COUNTS, counts=COUNTS):
    scores = Scores({}, losses, counts, columns=columns or {})
    root.mkdir(exist_ok=True)
    write_losses(scores, root / LOSSES)
    return root, scores


def test_a_loss_per_token_is_the_mean_and_its_error_that_of_the_ratio(tmp_path):
    mine, _ = place_of(tmp_path / "a", losses=COUNTS * 2 + DRAW.normal(0, 4, 80))
    theirs, _ = place_of(tmp_path / "b", losses=COUNTS * 3)
    first, second = (values_by_example("eval_loss", place) for place in (mine, theirs))
    known = paired_difference(*(load_sequence_losses(each / LOSSES) for each in (mine, theirs)))
    assert (first - second).mean() == pytest.approx(known.mean)
    assert (first - second).std(ddof=1) / 80**0.5 == pytest.approx(known.standard_error)


@pytest.mark.parametrize(
    "metric, objective, columns",
    [
        ("eval_token_accuracy", "sft", {"correct": np.floor(COUNTS * 0.6)}),
        ("eval_bits_per_byte", "clm", {"correct": COUNTS, "bytes": COUNTS * 4}),
        ("eval_reward_margin", "reward", {"margin": DRAW.normal(1, 1, 80)}),
        ("eval_reward_accuracy", "reward", {"margin": DRAW.normal(1, 1, 80)}),
    ],
)
def test_ratios_over_examples_have_values(tmp_path, metric, objective, columns):
    place, scores = place_of(tmp_path / "a", columns)
    value = computed(objective, Measured(scores.losses, scores.counts, columns))[metric]
    assert values_by_example(metric, place).mean() == pytest.approx(value)


def test_accuracy_has_values_and_f1_has_none(tmp_path):
    columns = {"truth": LABELS, "predicted": np.zeros(80), "classes": np.arange(3)}
    place, _ = place_of(tmp_path / "a", columns, counts=np.ones(80))
    assert values_by_example("eval_accuracy", place).tolist() == (LABELS == 0).tolist()
    assert values_by_example("eval_macro_f1", place) is None


@pytest.mark.parametrize("metric", ["eval_loss", "eval_accuracy", "eval_exact_match"])
def test_what_is_not_on_disk_has_no_values(tmp_path, metric):
    assert values_by_example(metric, tmp_path) is None
