from __future__ import annotations

import pytest

from sweeps.doctor.cluster import check_machines
from sweeps.preflight.facts import Facts, TorchBuild
from sweeps.preflight.finding import Level
from sweeps.preflight.gpus import Offer
from sweeps.preflight.nodes import NodeAnswer, ask


def answer(host: str, given: float, seen: int) -> NodeAnswer:
    facts = Facts(host, 2**34, torch=TorchBuild("2.13.0", seen, "13.0"))
    return NodeAnswer(host, 8.0, Offer(given), facts)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([], []),
        ([answer("head", 0, 0)], []),
        ([answer("head", 0, 0), answer("a", 4, 4), answer("b", 1, 1)], [(Level.OK, "all 5")]),
        (
            [answer("a", 4, 4), answer("b", 4, 1)],
            [(Level.WRONG, "b: Ray offers 4 GPUs, but torch sees 1")],
        ),
        ([answer("a", 0, 2)], [(Level.NOTE, "a: torch sees 2 GPUs, but Ray offers 0")]),
        ([answer("a", 1, 2)], [(Level.NOTE, "a: torch sees 2"), (Level.OK, "all 1")]),
    ],
)
def test_what_ray_gives_out_is_what_torch_sees(answers, told):
    found = check_machines(answers, None)
    assert [finding.level for finding in found] == [level for level, _ in told]
    assert all(words in finding.message for finding, (_, words) in zip(found, told, strict=True))


@pytest.mark.ray
def test_a_node_without_the_gpu_that_ray_was_told_of_is_wrong(ray_cluster):
    (node,) = ray_cluster.nodes()
    assert check_machines(ask([node]), None) == []
    (finding,) = check_machines(ask([{**node, "Resources": {"GPU": 64.0}}]), None)
    assert finding.level is Level.WRONG
    assert finding.message.startswith(f"{node['NodeManagerHostname']}: Ray offers 64 GPUs")
