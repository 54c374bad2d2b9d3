"""Facts of the nodes of a cluster, asked by a small Ray task on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sweeps.cluster.ray_nodes import Nodes, on_node
from sweeps.preflight.facts import Facts
from sweeps.preflight.gathering import gather
from sweeps.preflight.gpus import Offer
from trainables.core.model_source import ModelSource

PATIENCE = 90.0
"""Seconds for all answers: a process starts on each node, and imports torch where GPUs are."""


@dataclass(frozen=True)
class NodeAnswer:
    """What Ray says of a node, and what the node says; `facts` is None if it did not answer, and
    `why` says why not."""

    host: str
    cpus: float
    offer: Offer
    facts: Facts | None = None
    why: str = ""


def ask(nodes: Nodes, model: ModelSource | None = None) -> Sequence[NodeAnswer]:
    """The answers of these nodes, within a time limit. Takes no resources from trials."""
    import ray

    taken = ray.available_resources().get("GPU", 0.0) < ray.cluster_resources().get("GPU", 0.0)
    asked = []
    for node in nodes:
        gpus = node["Resources"].get("GPU", 0.0)
        asked.append((node, on_node(node, gather).remote(model, gpus > 0)))
    references = [reference for _, reference in asked]
    if references:
        ray.wait(references, num_returns=len(references), timeout=PATIENCE)
    answers = []
    for node, reference in asked:
        facts, why = _answer(reference)
        has = node["Resources"]
        offer = Offer(has.get("GPU", 0.0), taken)
        host = node["NodeManagerHostname"]
        answers.append(NodeAnswer(host, has.get("CPU", 0.0), offer, facts, why))
    return answers


def _answer(reference: object) -> tuple[Facts | None, str]:
    import ray

    try:
        return ray.get(reference, timeout=0), ""
    except ray.exceptions.GetTimeoutError:
        ray.cancel(reference, force=True)
        return None, f"it did not answer within {PATIENCE:.0f} s"
    except ray.exceptions.RayError as error:
        return None, str(error).strip().splitlines()[-1]
