"""Metrics and losses of several labels and of numbers, against scikit-learn, scipy and torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from trainables.losses.regression import Regression
from trainables.losses.several_labels import SeveralLabels, balanced_marks
from trainables.metrics.registry import declared_mode
from trainables.metrics.several_labels import best_threshold

NAMES = ("a", "b/c", "C++")


class Held:
    """Examples as far as a loss's measurements read them."""

    def __init__(self, labels):
        self.labels = self.marks = np.asarray(labels)


def marks_and_probabilities(seed=0, rows=40):
    rng = np.random.default_rng(seed)
    truth = rng.random((rows, 3)) < (0.3, 0.6, 0.1)
    return truth, np.clip(0.5 * truth + rng.random((rows, 3)) * 0.7, 0, 1)


def scores(truth, probabilities, threshold=0.5):
    loss = SeveralLabels(torch.ones(3), NAMES, threshold)
    rows = np.column_stack([np.zeros(len(truth)), probabilities])
    return loss.scores(rows, Held(truth)).metrics


def test_the_metrics_of_several_labels_are_scikit_learns():
    truth, probabilities = marks_and_probabilities()
    made, predicted = scores(truth, probabilities, 0.4), probabilities >= 0.4
    each = sklearn.f1_score(truth, predicted, average=None, zero_division=0)
    assert made == pytest.approx(
        {
            "eval_loss": 0.0,
            "eval_micro_f1": sklearn.f1_score(truth, predicted, average="micro"),
            "eval_macro_f1": each.mean(),
            "eval_macro_precision": sklearn.precision_score(truth, predicted, average="macro"),
            "eval_macro_recall": sklearn.recall_score(truth, predicted, average="macro"),
            "eval_subset_accuracy": sklearn.accuracy_score(truth, predicted),
            **{f"eval_f1/{name}": value for name, value in zip(NAMES, each, strict=True)},
        }
    )
    assert {declared_mode(name) for name in made if name != "eval_loss"} == {"max"}


def test_no_label_predicted_and_none_true_counts_as_0_without_a_warning():
    made = scores(np.zeros((4, 3), dtype=bool), np.zeros((4, 3)))
    assert (made["eval_micro_f1"], made["eval_macro_f1"], made["eval_subset_accuracy"]) == (0, 0, 1)


def test_tuned_thresholds_are_measured_on_one_set_and_kept_for_others():
    truth, probabilities = marks_and_probabilities()
    loss = SeveralLabels(torch.ones(3), NAMES, "tuned")
    rows = np.column_stack([np.zeros(len(truth)), probabilities])
    tuned = loss.scores(rows, Held(truth)).metrics
    assert tuned["eval_macro_f1"] > scores(truth, probabilities)["eval_macro_f1"]
    found = {name: value for name, value in tuned.items() if name.startswith("eval_threshold/")}
    assert set(found) == {f"eval_threshold/{name}" for name in NAMES}
    loss.keep_thresholds()
    other, its = marks_and_probabilities(seed=1)
    kept = loss.scores(np.column_stack([np.zeros(len(other)), its]), Held(other)).metrics
    predicted = its >= np.array(list(found.values()))
    assert kept["eval_macro_f1"] == pytest.approx(
        sklearn.f1_score(other, predicted, average="macro", zero_division=0)
    )
    assert {name: kept[name] for name in found} == found


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0])), min_size=1))
def test_no_threshold_is_better_than_the_tuned_one(rows):
    truth, probabilities = (np.array(column, dtype=float) for column in zip(*rows, strict=True))

    def f1(threshold):
        return sklearn.f1_score(truth, probabilities >= threshold, zero_division=0.0)

    tuned = best_threshold(truth, probabilities)
    assert f1(tuned) == pytest.approx(max(map(f1, [0.5, *probabilities, -1.0])))
    assert tuned == 0.5 or f1(tuned) > f1(0.5)


def test_the_loss_of_several_labels_is_torchs():
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    batch = {"input_ids": None, "label": (logits > 0.3).float(), "weight": torch.ones(5)}

    def model(**_):
        return type("Output", (), {"logits": logits})

    for positive in (torch.ones(3), torch.tensor([1.0, 2.0, 0.5])):
        loss = SeveralLabels(positive, NAMES, 0.5)
        expected = torch.nn.BCEWithLogitsLoss(pos_weight=positive)(logits, batch["label"])
        torch.testing.assert_close(loss.loss(model, batch, None), expected)
        rows = loss.rows(model, batch)
        plain = torch.nn.BCEWithLogitsLoss()(logits, batch["label"])
        torch.testing.assert_close(rows[:, 0].mean(), plain)
        torch.testing.assert_close(rows[:, 1:], logits.sigmoid())


def test_balanced_weights_make_both_answers_to_a_label_weigh_the_same():
    marks = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 0], [0, 0, 1]], dtype=bool)
    assert balanced_marks(marks)[[0, 2]] == pytest.approx([3, 1 / 3])
    assert np.isfinite(balanced_marks(marks)).all()


def test_the_metrics_of_numbers_are_scipys():
    from scipy import stats

    rng = np.random.default_rng(0)
    given_ = np.round(rng.normal(size=30), 1)
    predicted = -given_ + rng.normal(size=30)
    made = Regression().scores(predicted[:, None], Held(given_)).metrics
    mse = sklearn.mean_squared_error(given_, predicted)
    assert made == pytest.approx(
        {
            "eval_loss": mse,
            "eval_mse": mse,
            "eval_rmse": mse**0.5,
            "eval_mae": sklearn.mean_absolute_error(given_, predicted),
            "eval_pearson": stats.pearsonr(predicted, given_).statistic,
            "eval_spearman": stats.spearmanr(predicted, given_).statistic,
        }
    )
    assert [declared_mode(f"eval_{name}") for name in ("mse", "rmse", "mae")] == ["min"] * 3
    assert [declared_mode(f"eval_{name}") for name in ("pearson", "spearman")] == ["max"] * 2


def test_a_model_that_always_says_the_same_has_no_correlation():
    made = Regression().scores(np.full((4, 1), 0.1), Held([1.0, 2.0, 3.0, 4.0])).metrics
    assert (made["eval_pearson"], made["eval_spearman"]) == (0.0, 0.0)
