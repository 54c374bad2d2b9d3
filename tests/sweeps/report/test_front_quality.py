from __future__ import annotations

import pytest

from benchmarks.front_quality import REFERENCE, compare, hypervolume


def test_the_hypervolume_is_the_area_up_to_the_reference():
    loss, cost = REFERENCE
    corners = [(loss - 2.0, cost - 1.0), (loss - 1.0, cost - 3.0)]
    beaten, outside = (loss - 1.0, cost - 0.5), (loss + 1.0, cost - 3.0)
    assert hypervolume([*corners, beaten, outside]) == pytest.approx(2.0 * 1.0 + 1.0 * 2.0)


def test_tpe_leaves_less_of_the_front_undiscovered_than_random_draws():
    medians = compare(seeds=10, trials=40)["medians"]
    assert 1.0 - medians["tpe"] < 0.8 * (1.0 - medians["random"])
