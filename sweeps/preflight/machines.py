"""The pass before trial 1: what is wrong is refused before slots take GPUs, doubts are notes."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Iterator, Mapping

from sweeps.base.errors import LaunchError
from sweeps.base.view import View
from sweeps.cluster.ray_nodes import Nodes, alive_nodes, kind_of, one_of_each_kind
from sweeps.preflight.facts import Facts
from sweeps.preflight.finding import Finding, Level, note, wrong
from sweeps.preflight.gathering import HIDES, gather
from sweeps.preflight.gpus import Offer, check_gpus
from sweeps.preflight.looks import Look, check_clocks, check_pythons, look
from sweeps.preflight.memory import check_memory
from sweeps.preflight.needs import Needs
from sweeps.preflight.nodes import NodeAnswer, ask
from sweeps.preflight.prices import check_prices
from sweeps.storage.visibility import hosts


def check_machine(facts: Facts, needs: Needs, offer: Offer) -> Iterator[Finding]:
    """All findings about a machine that is to train trials. Pure."""
    yield from check_gpus(facts, needs, offer)
    yield from check_memory(facts, needs, offer.gpus)
    if facts.model:
        message = f"{facts.host}: the model cannot be read there ({facts.model})"
        yield wrong("model", message)


def check_here(needs: Needs, gpus: float) -> list[Finding]:
    """Findings about this machine, if it trains the trials with so many GPUs."""
    facts = gather(needs.model, promised=gpus > 0, visible=os.environ.get(HIDES))
    return list(check_machine(facts, needs, Offer(gpus)))


def check_nodes(needs: Needs, prices: Mapping[str, float]) -> list[Finding]:
    """Findings about one node of each type that could hold a slot, this one excepted: it is
    checked before Ray starts, or has no slot. And whether the types have `prices`."""
    import ray

    here = ray.get_runtime_context().get_node_id()
    nodes = hosts(alive_nodes(), needs.share)
    others = [node for node in one_of_each_kind(nodes) if node["NodeID"] != here]
    answers = ask(others, needs.model)
    found = [each for answer in answers for each in _judged(answer, needs)] + _looks(others)
    return [*found, *check_prices(prices, [kind_of(node) for node in nodes])]


def settle(findings: Iterable[Finding], view: View) -> None:
    """Say the notes; LaunchError lists what is wrong."""
    bad = []
    for finding in findings:
        if finding.level is Level.NOTE:
            view.say(f"Note: {finding}.")
        elif finding.level is Level.WRONG:
            bad.append(str(finding))
    if bad:
        raise LaunchError("\n  ".join(["not launched:", *bad]) if len(bad) > 1 else bad[0])


def _judged(answer: NodeAnswer, needs: Needs) -> Iterator[Finding]:
    if answer.facts is None:
        yield note("nodes", f"{answer.host} was not checked: {answer.why}")
        return
    yield from check_machine(answer.facts, needs, answer.offer)


def _looks(nodes: Nodes) -> list[Finding]:
    import ray

    looks: list[Look] = []
    for node in nodes:
        try:
            looks.append(look(node))
        except ray.exceptions.RayError:
            continue  # told with its answer
    return [check_clocks(looks), *check_pythons(looks, platform.python_version())]
