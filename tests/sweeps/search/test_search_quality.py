from __future__ import annotations

from benchmarks.search_quality import compare


def test_tpe_needs_fewer_trials_than_random_over_100_seeds():
    medians = compare(seeds=100)["medians"]
    assert medians["tpe"] < 0.8 * medians["random"]
