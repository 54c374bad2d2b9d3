"""JSON for scripts. Its keys are a promise: rename none, drop none."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from results.ranking.confirmation import Confirmation
from results.ranking.confirmed_front import ConfirmedFront
from results.ranking.confirmed_json import confirmation_json
from results.ranking.front import judge
from results.ranking.saved import saved_by_stopping, saved_by_warm_slots
from results.ranking.shared import shared_by_branches
from results.ranking.strict import strict
from results.ranking.winners import LeftOut, Ranking, Winner
from results.records.cluster_record import ClusterRecord, NodeRecord, SlotRecord
from results.records.record import SweepRecord, SweepState, TrialRecord, TrialStatus
from results.records.spending import spent


def status_json(
    sweep: SweepRecord,
    trials: Sequence[TrialRecord],
    cluster: ClusterRecord | None = None,
    repeats: Sequence[TrialRecord] = (),
) -> dict[str, object]:
    """A sweep's progress: a count for every status, and the best complete trial or null.

    A sweep with several metrics has `front` instead of `best`: a list, empty at first. Present only
    if applicable: `cluster`, the slots and nodes, and their cost (see cluster_json); `breakdowns`
    outside of trials, a list of sentences; `priors`, the `value` of each `name` that the search
    began around, for trials of a `method` (null: of any); `overlaps` of measured sets with the
    training data (see _overlaps); `confirmation`, a count of the repeats with fresh seeds for every
    status that they have; `asked_trials`, the spec's budget.trials if the space has fewer
    combinations; `caps`, for each cap its `limit` and what is `spent` of it, null for a target or
    patience; `reached`, the `cap` that ended the sweep and `why`; `saved`, the `seconds` and
    `steps` of the rest of so many stopped `trials`; `spared`, the `seconds` of so many `loads` of
    the base that warm slots did without; `shared`, the `seconds`, `tokens` and `steps` that so many
    `trials` took over from others.
    """
    ranking = judge(trials, sweep.goals)
    spared = saved_by_warm_slots(sweep, [*trials, *repeats])
    chosen = [_best(winner) for winner in ranking.chosen]
    return {
        "name": sweep.name,
        "state": sweep.state.value,
        "trials": trial_counts(sweep, trials),
        **({"front": chosen} if ranking.several else {"best": next(iter(chosen), None)}),
        **({"breakdowns": list(sweep.breakdowns)} if sweep.breakdowns else {}),
        **_priors(sweep),
        **({"asked_trials": sweep.asked_trials} if sweep.asked_trials else {}),
        **_caps(sweep, [*trials, *repeats], cluster),
        **({"saved": asdict(saved)} if (saved := saved_by_stopping(trials)).trials else {}),
        **({"spared": asdict(spared)} if spared.loads else {}),
        **({"shared": asdict(shared)} if (shared := shared_by_branches(trials)).trials else {}),
        **_overlaps(sweep),
        **({"confirmation": repeat_counts(repeats)} if repeats else {}),
        **({"cluster": cluster_json(cluster)} if cluster else {}),
    }


def _priors(sweep: SweepRecord) -> dict[str, object]:
    found = [prior.model_dump(mode="json") for prior in sweep.priors]
    return {"priors": found} if found else {}


def _caps(
    sweep: SweepRecord, records: Sequence[TrialRecord], cluster: ClusterRecord | None
) -> dict[str, object]:
    if not sweep.caps:
        return {}
    now = spent(sweep, cluster, records, time.time())
    caps = {name: {"limit": cap, "spent": now.get(name)} for name, cap in sweep.caps.items()}
    return {"caps": caps, **({"reached": sweep.reached.model_dump()} if sweep.reached else {})}


def trial_counts(sweep: SweepRecord, trials: Sequence[TrialRecord]) -> dict[str, int]:
    """Number of trials by status; trials not suggested yet count as waiting."""
    counts = Counter(trial.status for trial in trials)
    expected = sweep.expected(trials)
    if sweep.state is SweepState.RUNNING and expected is not None:
        counts[TrialStatus.WAITING] += max(0, expected - len(trials))
    return {status.value: counts[status] for status in TrialStatus}


def repeat_counts(repeats: Sequence[TrialRecord]) -> dict[str, int]:
    """Number of repeats with fresh seeds, for each status that they have."""
    counts = Counter(each.status for each in repeats)
    return {status.value: counts[status] for status in TrialStatus if counts[status]}


def cluster_json(cluster: ClusterRecord) -> dict[str, object]:
    """The driver's view `at` a time in unix seconds.

    `node_hours` are by node type, "" if unknown; `cost` is in dollars for the hours with known
    prices, null if none are known; `unpriced` are the node types left out of it.
    """
    hosts = {node.id: node.host for node in cluster.nodes}
    return {
        "at": cluster.at,
        "slots": [_slot(slot, hosts) for slot in cluster.slots],
        "nodes": [_node(node) for node in cluster.nodes],
        "gpus": {"total": cluster.gpus, "in_use": cluster.gpus_used},
        "node_hours": {**cluster.node_hours(True), **cluster.node_hours(False)},
        "cost": cluster.cost,
        "unpriced": list(cluster.node_hours(False)),
    }


def _overlaps(sweep: SweepRecord) -> dict[str, object]:
    """For each measured set that overlaps the training data: its shared and total records."""
    shared = {name: overlap.model_dump() for name, overlap in sweep.overlaps.items()}
    return {"overlaps": shared} if shared else {}


def _slot(slot: SlotRecord, hosts: Mapping[str, str]) -> dict[str, object]:
    return {
        "name": slot.name,
        "up": slot.up,
        "job": slot.job,
        "trials": slot.trials,
        "restarts": slot.restarts,
        "device": slot.device,
        "hosts": [hosts[node] for node in slot.nodes if node in hosts],
    }


def _node(node: NodeRecord) -> dict[str, object]:
    return {"host": node.host, "type": node.kind, "cpus": node.cpus, "gpus": node.gpus}


def winners_json(
    sweep: SweepRecord,
    ranking: Ranking,
    top: int | None = None,
    confirmed: Confirmation | ConfirmedFront | None = None,
) -> dict[str, object]:
    """The `top` best trials (None: all), and all trials left out, with reasons.

    `confirmation` is present once a repeat with fresh seeds is complete (see confirmation_json).
    A sweep with several metrics has `metrics`, name -> mode, instead of `metric` and `mode`.
    `overlaps` is present if measured and training data overlap.
    """
    ((metric, mode), *others) = ranking.goals.items()
    return {
        "sweep": sweep.name,
        **({"metrics": dict(ranking.goals)} if others else {"metric": metric, "mode": mode}),
        "base": strict(sweep.base),
        **_overlaps(sweep),
        "winners": [_winner(winner) for winner in ranking.winners[:top]],
        "left_out": [_left_out(trial) for trial in ranking.left_out],
        **({"confirmation": confirmation_json(confirmed)} if confirmed else {}),
    }


def _best(winner: Winner) -> dict[str, object]:
    return {
        "trial": winner.record.number,
        "params": strict(winner.record.params),
        "metrics": strict(winner.best.metrics),
    }


def _winner(winner: Winner) -> dict[str, object]:
    return {
        "trial": winner.record.number,
        "status": winner.record.status.value,
        "params": strict(winner.record.params),
        "metrics": strict({**winner.best.metrics, **winner.record.test}),
        "run_id": winner.record.run_id,
    }


def _left_out(trial: LeftOut) -> dict[str, object]:
    return {"trial": trial.number, "status": trial.status.value, "why": trial.why}
