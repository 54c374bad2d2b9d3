from __future__ import annotations

import pytest

from sweeps.doctor.finding import Level
from sweeps.doctor.gpus import Cards, check_cards, check_gpus_of


@pytest.mark.parametrize(
    ("cards", "told"),
    [
        ([], []),
        ([Cards("head", 0, 0)], []),
        ([Cards("head", 0, 0), Cards("a", 4, 4), Cards("b", 1, 1)], [(Level.OK, "all 5")]),
        (
            [Cards("a", 4, 4), Cards("b", 4, 1)],
            [(Level.WRONG, "b: Ray offers 4 GPUs, but torch sees 1")],
        ),
        ([Cards("a", 0, 2)], [(Level.NOTE, "a: torch sees 2 GPUs, but Ray offers 0")]),
        ([Cards("a", 1, 2)], [(Level.NOTE, "a: torch sees 2"), (Level.OK, "all 1")]),
    ],
)
def test_what_ray_gives_out_is_what_torch_sees(cards, told):
    found = list(check_cards(cards))
    assert [finding.level for finding in found] == [level for level, _ in told]
    assert all(words in finding.message for finding, (_, words) in zip(found, told, strict=True))


@pytest.mark.ray
def test_a_node_without_the_gpu_that_ray_was_told_of_is_wrong(ray_cluster):
    (node,) = ray_cluster.nodes()
    assert check_gpus_of([node]) == []
    (finding,) = check_gpus_of([{**node, "Resources": {"GPU": 64.0}}])
    assert finding.level is Level.WRONG
    assert finding.message.startswith(f"{node['NodeManagerHostname']}: Ray offers 64 GPUs")
