"""Searches on a table of trunks and decays: what a trial's losses are, and what its tokens cost."""

from __future__ import annotations

import optuna
import pytest

from benchmarks.forks.curves import BATCHES, DECAYS, FLOORS, POINTS
from benchmarks.forks.search import Table, searched

RATES = (1e-3, 1e-2)


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def loss(batch, rate, decay, floor, point):
    """A made-up loss: trunks fall to 2, each decay by 1 more."""
    share = point / POINTS
    decayed = max(0.0, share - (1 - decay)) / decay
    return 3 - share - decayed * (1 - floor) * decay + 0.1 * BATCHES.index(batch) + 10 * rate


def trunk(batch, rate):
    def losses(decay, floor, first):
        points = range(first, POINTS + 1)
        return {str(point): loss(batch, rate, decay, floor, point) for point in points}

    ends = [(decay, floor) for decay in DECAYS for floor in FLOORS]
    return {
        "batch_size": batch,
        "learning_rate": rate,
        "curve": losses(1.0, 1.0, 1),
        "decays": [
            {"decay": d, "floor": f, "curve": losses(d, f, int((1 - d) * POINTS) + 1)}
            for d, f in ends
        ],
    }


TABLE = Table([trunk(batch, rate) for batch in BATCHES for rate in RATES])


def test_a_trial_of_the_table_has_its_own_losses_and_one_between_has_those_between():
    params = {"batch_size": 4, "learning_rate": 1e-3, "floor_fraction": 0.1}
    known = TABLE.curve({**params, "wsd.decay_fraction": 0.2})
    assert known == pytest.approx([loss(4, 1e-3, 0.2, 0.1, point) for point in range(1, 10)])
    between = TABLE.curve({**params, "wsd.decay_fraction": 0.3})
    other = TABLE.curve({**params, "wsd.decay_fraction": 0.4})
    assert between == pytest.approx((known + other) / 2)
    assert TABLE.best == pytest.approx(loss(4, 1e-3, 0.4, 0.0, POINTS))


def test_forks_train_more_trials_on_the_same_tokens_and_no_search_beats_the_table():
    ((_, alone),) = searched(TABLE, 1, "none", seed=0, budgets=[8.0])
    ((_, forked),) = searched(TABLE, 4, "none", seed=0, budgets=[8.0])
    assert alone == 8
    # A trunk is trained whole, its three branches after their own decays, of 0.4 at most.
    assert 8 * 4 / (1 + 3 * 0.4) - 4 < forked < 8 * 4 / (1 + 3 * 0.05)
    found = searched(TABLE, 4, "asha", seed=1, budgets=[4.0, 8.0])
    assert all(loss >= TABLE.best for loss, _ in found)
