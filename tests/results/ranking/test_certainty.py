from __future__ import annotations

import math

import numpy as np
import pytest

from results.ranking.certainty import (
    LossesError,
    SequenceLosses,
    load_sequence_losses,
    paired_difference,
)


def losses(sums, counts):
    return SequenceLosses(np.asarray(sums, dtype=float), np.asarray(counts, dtype=int))


def two_models(sequences: int, effect: float) -> tuple[SequenceLosses, SequenceLosses]:
    """Hard and easy sequences of unequal length; b loses `effect` nats per token to a."""
    rng = np.random.default_rng(0)
    counts = rng.integers(5, 400, sequences)
    difficulty = rng.gamma(4.0, 0.6, sequences)
    noise = rng.normal(0.0, 0.05, (2, sequences))
    a, b = difficulty + noise[0], difficulty + noise[1] + effect
    return losses(a * counts, counts), losses(b * counts, counts)


def bootstrap_error(a: SequenceLosses, b: SequenceLosses, rounds: int = 4000) -> float:
    """Standard deviation of the estimate over resampled sequences."""
    rng = np.random.default_rng(1)
    count = len(a.token_counts)
    drawn = rng.integers(0, count, (rounds, count))
    differences = (a.loss_sums - b.loss_sums)[drawn].sum(axis=1)
    return float((differences / a.token_counts[drawn].sum(axis=1)).std(ddof=1))


def test_the_mean_is_the_difference_in_loss_per_token():
    a, b = losses([2.0, 9.0], [1, 3]), losses([4.0, 9.0], [1, 3])
    assert paired_difference(a, b).mean == pytest.approx(11 / 4 - 13 / 4)


@pytest.mark.parametrize(("sequences", "effect"), [(50, 0.02), (400, 0.02), (400, 2.0)])
def test_the_standard_error_agrees_with_the_bootstrap(sequences, effect):
    a, b = two_models(sequences, effect)
    error = paired_difference(a, b).standard_error
    assert error == pytest.approx(bootstrap_error(a, b), rel=0.06)


def test_sequences_of_one_length_give_the_paired_t_statistic():
    # With equal lengths the ratio is a plain mean, so the textbook formula is an exact check.
    rng = np.random.default_rng(2)
    counts = np.full(30, 8)
    a, b = losses(rng.normal(20, 3, 30), counts), losses(rng.normal(21, 3, 30), counts)
    per_token = (a.loss_sums - b.loss_sums) / 8
    difference = paired_difference(a, b)
    assert difference.standard_error == pytest.approx(per_token.std(ddof=1) / math.sqrt(30))
    assert difference.z == pytest.approx(difference.mean / difference.standard_error)


def test_a_small_but_steady_difference_is_sure_although_sequences_differ_widely():
    a, b = two_models(400, effect=0.02)
    spread_of_one = (a.loss_sums / a.token_counts).std() / math.sqrt(400)
    difference = paired_difference(a, b)
    assert spread_of_one > 0.02  # unpaired, the effect would drown
    assert difference.z < -3


def test_swapping_the_models_flips_the_sign_only():
    a, b = two_models(60, effect=0.1)
    one, other = paired_difference(a, b), paired_difference(b, a)
    assert (one.mean, one.z) == pytest.approx((-other.mean, -other.z))
    assert one.standard_error == pytest.approx(other.standard_error)


def test_a_model_does_not_differ_from_itself():
    a, _ = two_models(10, effect=0.0)
    difference = paired_difference(a, a)
    assert (difference.mean, difference.standard_error, difference.z) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("a", "b", "complaint"),
    [
        (([1.0, 2.0], [3, 4]), ([1.0], [3]), "2 sequences cannot be paired with 1"),
        (([1.0], [3]), ([1.0], [3]), "at least two"),
        (([1.0, 2.0], [3, 4]), ([1.0, 2.0], [3, 5]), "sequence 1 has 4 tokens in one and 5"),
        (([1.0, math.nan], [3, 4]), ([1.0, 2.0], [3, 4]), "NaN"),
    ],
)
def test_what_cannot_be_compared_is_refused(a, b, complaint):
    with pytest.raises(LossesError, match=complaint):
        paired_difference(losses(*a), losses(*b))


def test_losses_are_read_from_a_file(tmp_path):
    np.savez(
        tmp_path / "a.npz",
        loss_sums=np.array([1.5, 2.5], dtype=np.float32),
        token_counts=np.array([3, 4], dtype=np.int32),
    )
    read = load_sequence_losses(tmp_path / "a.npz")
    assert read.loss_sums.tolist() == [1.5, 2.5]
    assert read.token_counts.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"loss_sums": [1.0]}, "token_counts"),
        ({"loss_sums": [1.0], "token_counts": [1, 2]}, r"loss_sums \(1,\) and token_counts \(2,\)"),
        ({"loss_sums": [[1.0]], "token_counts": [[1]]}, "flat"),
        ({"loss_sums": [1.0], "token_counts": [0]}, "all zero"),
        ({"loss_sums": [1.0, 1.0], "token_counts": [-1, 2]}, "negative"),
        ({"loss_sums": [1.0], "token_counts": [{}]}, "pickle"),
    ],
)
def test_a_bad_file_is_named(tmp_path, arrays, complaint):
    path = tmp_path / "a.npz"
    np.savez(path, **{name: np.array(values) for name, values in arrays.items()})
    with pytest.raises(LossesError, match=complaint) as caught:
        load_sequence_losses(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK not a zip", b"text"])
def test_a_file_that_is_no_npz_is_named(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(LossesError, match=r"a\.npz"):
        load_sequence_losses(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(LossesError, match=r"a\.npz"):
        load_sequence_losses(tmp_path / "a.npz")
