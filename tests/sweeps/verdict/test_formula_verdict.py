"""Leads in formulas of metrics, against scipy and differences known by construction."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_rel

from sweeps.verdict.paired import between
from trainables.board.job import ANSWERS, LOSSES
from trainables.losses.loss import Scores
from trainables.metrics.length import ANSWER_TOKENS, ENDED
from trainables.metrics.written import Answer, Written
from trainables.training.generation.files import write_answers
from trainables.training.run import write_losses

SUM, RATIO = "eval_ended - 0.01 * eval_answer_tokens", "eval_answer_tokens / eval_ended"


def answered(folder, ended, tokens, first=0):
    """A trial's folder with its answers' values, as a slot writes them."""
    each = zip(ended, tokens, strict=True)
    answers = tuple(
        Answer(place, "", "", ("",), int(count), bool(end))
        for place, (end, count) in enumerate(each, first)
    )
    write_answers(Written(answers, (ENDED, ANSWER_TOKENS), formulas=(SUM, RATIO)), folder / ANSWERS)
    return folder


def test_a_sum_of_means_has_the_error_of_a_paired_t_test(tmp_path):
    draw = np.random.default_rng(0)
    a, b = (draw.random(60) < share for share in (0.8, 0.5))
    tokens = draw.integers(1, 50, 60), draw.integers(1, 60, 60)
    mine, theirs = answered(tmp_path / "a", a, tokens[0]), answered(tmp_path / "b", b, tokens[1])
    found = between(SUM, mine, theirs)
    sums = a - 0.01 * tokens[0], b - 0.01 * tokens[1]
    assert found.mean == pytest.approx((sums[0] - sums[1]).mean())
    assert found.z == pytest.approx(ttest_rel(*sums).statistic)


def test_a_ratio_of_means_has_the_spread_of_new_samples(tmp_path):
    """The error agrees with that of Fieller's ratio to first order, in units of the metric."""
    draw = np.random.default_rng(1)
    ended, tokens = (draw.random(400) < 0.7).astype(float), draw.integers(10, 50, 400)
    mine = answered(tmp_path / "a", ended, tokens)
    theirs = answered(tmp_path / "b", np.ones(400), np.full(400, 20))
    found = between(RATIO, mine, theirs)
    ratio = tokens.mean() / ended.mean()
    error = (tokens - ratio * ended).std() / ended.mean() / 20
    assert found.mean == pytest.approx(ratio - 20)
    assert found.standard_error == pytest.approx(error, rel=0.15)


def test_other_prompts_cannot_be_compared(tmp_path):
    mine = answered(tmp_path / "a", [1, 0, 1], [1, 2, 3])
    theirs = answered(tmp_path / "b", [1, 0, 1], [1, 2, 3], first=1)
    assert between(SUM, mine, theirs) is None and between(RATIO, mine, theirs) is None


def measured(folder, losses, correct):
    folder.mkdir(exist_ok=True)
    counts = np.full(len(losses), 10.0)
    write_losses(Scores({}, losses, counts, columns={"correct": correct}), folder / LOSSES)
    return folder


def test_a_formula_of_the_examples_has_their_paired_error(tmp_path):
    draw = np.random.default_rng(2)
    losses, correct = draw.normal(20, 3, (2, 80)), draw.binomial(10, 0.6, (2, 80)).astype(float)
    mine, theirs = (measured(tmp_path / n, losses[i], correct[i]) for i, n in enumerate("ab"))
    found = between("eval_loss - 2 * eval_token_accuracy", mine, theirs)
    each = losses / 10 - 2 * correct / 10
    assert found.mean == pytest.approx((each[0] - each[1]).mean())
    assert found.z == pytest.approx(ttest_rel(*each).statistic, rel=0.15)


def test_a_formula_of_answers_and_losses_is_not_compared(tmp_path):
    folders = [tmp_path / name for name in "ab"]
    for each in folders:
        answered(each, [1, 0, 1], [1, 2, 3])
        measured(each, np.arange(3.0), np.ones(3))
    assert between("eval_ended - eval_loss", *folders) is None
