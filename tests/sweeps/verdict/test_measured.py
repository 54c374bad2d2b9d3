"""Leads in accuracies, rewards and F1, against scipy and differences known by construction."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, ttest_rel

from sweeps.verdict.paired import between
from trainables.board.job import LOSSES
from trainables.losses.loss import Scores
from trainables.training.run import write_losses


def folder(root, name, columns, losses=None, counts=None):
    """A trial's folder with what its model was measured on."""
    count = len(next(iter(columns.values())))
    losses = np.ones(count) if losses is None else losses
    counts = np.ones(count) if counts is None else counts
    (root / name).mkdir()
    write_losses(Scores({}, losses, counts, columns=columns), root / name / LOSSES)
    return root / name


def classes(root, name, truth, predicted):
    columns = {"truth": truth, "predicted": predicted, "classes": np.arange(3)}
    return folder(root, name, {key: np.array(value) for key, value in columns.items()})


def test_accuracy_is_told_apart_by_mcnemars_exact_test(tmp_path):
    truth = [0, 1, 2] * 10
    mine = classes(tmp_path, "a", truth, truth)
    theirs = classes(tmp_path, "b", truth, [(label + 1) % 3 for label in truth[:6]] + truth[6:])
    found = between("eval_accuracy", mine, theirs)
    assert found.mean == pytest.approx(0.2) and found.count == 30
    assert found.z == pytest.approx(norm.isf(2**-6))


def test_reward_margins_have_the_error_of_a_paired_t_test(tmp_path):
    draw = np.random.default_rng(0)
    a, b = draw.normal(1, 1, 40), draw.normal(0, 1, 40)
    mine, theirs = (folder(tmp_path, n, {"margin": x}) for n, x in (("a", a), ("b", b)))
    found = between("eval_reward_margin", mine, theirs)
    assert found.z == pytest.approx(ttest_rel(a, b).statistic)
    accuracy = between("eval_reward_accuracy", mine, theirs)
    assert accuracy.mean == pytest.approx((a > 0).mean() - (b > 0).mean())


def test_token_accuracy_is_a_ratio_over_sequences(tmp_path):
    """With equal lengths it is a mean of shares, so its error is that of a paired t-test."""
    draw = np.random.default_rng(1)
    counts = np.full(50, 10.0)
    a, b = draw.binomial(10, 0.7, 50).astype(float), draw.binomial(10, 0.5, 50).astype(float)
    mine = folder(tmp_path, "a", {"correct": a}, counts=counts)
    theirs = folder(tmp_path, "b", {"correct": b}, counts=counts)
    found = between("eval_token_accuracy", mine, theirs)
    assert found.z == pytest.approx(ttest_rel(a, b).statistic)


def test_macro_f1_has_the_spread_of_new_samples(tmp_path):
    """The bootstrap's error is close to the spread over 200 validation sets drawn anew."""
    from sklearn.metrics import f1_score

    draw = np.random.default_rng(2)

    def sample(size=200):
        truth = draw.integers(0, 3, size)
        others = draw.integers(0, 3, size)
        return truth, *(np.where(draw.random(size) < p, truth, others) for p in (0.8, 0.5))

    def lead(truth, a, b):
        return f1_score(truth, a, average="macro") - f1_score(truth, b, average="macro")

    spread = np.std([lead(*sample()) for _ in range(200)])
    truth, a, b = sample()
    mine, theirs = classes(tmp_path, "a", truth, a), classes(tmp_path, "b", truth, b)
    found = between("eval_macro_f1", mine, theirs)
    assert found.mean == pytest.approx(lead(truth, a, b))
    assert found.standard_error == pytest.approx(spread, rel=0.3)
    assert found == between("eval_macro_f1", mine, theirs), "the same draws each time"


def test_rewards_of_single_answers_are_resampled(tmp_path):
    given = np.array([0.0, 1.0] * 20)
    noise = np.random.default_rng(3).normal(0, 1, 40)
    mine = folder(tmp_path, "a", {"reward": given + noise / 2, "given": given})
    theirs = folder(tmp_path, "b", {"reward": noise, "given": given})
    found = between("eval_reward_accuracy", mine, theirs)
    assert found.mean > 0 and 0 < found.standard_error < 0.2


def test_records_of_older_sweeps_have_no_certainty(tmp_path):
    columns = {"correct": np.ones(3)}
    mine = folder(tmp_path, "a", columns)
    old = tmp_path / "old"
    old.mkdir()
    np.savez(old / LOSSES, loss_sums=np.ones(3), token_counts=np.ones(3, int))
    assert between("eval_token_accuracy", mine, old) is None
    assert between("eval_token_accuracy", mine, tmp_path / "none") is None
