"""Records of a sweep under way, and how it stands."""

from __future__ import annotations

from results.records.cluster_record import ClusterRecord, PhaseRecord, SlotRecord
from results.records.record import Measurement, SweepRecord, TrialRecord
from sweeps.display.standing import Standing


def sweep(**changes) -> SweepRecord:
    fields = {
        "name": "alpaca-lora",
        "state": "running",
        "metric": "eval_loss",
        "mode": "min",
        "budget_trials": 40,
        "created": 0.0,
        "base": {"eval_loss": 4.5},
    }
    return SweepRecord(**{**fields, **changes})


def trial(number: int, status: str, *losses: float, **changes) -> TrialRecord:
    return TrialRecord(
        sweep="alpaca-lora",
        number=number,
        status=status,
        params={"learning_rate": 0.00021, "lora.rank": 8, "schedule": "wsd", "batch_size": 16},
        config={"budget.evaluations": len(losses) if status == "complete" else 4},
        measurements=tuple(
            Measurement(point=i, step=i, tokens=i * 100, seconds=i, metrics={"eval_loss": loss})
            for i, loss in enumerate(losses, 1)
        ),
        tokens=len(losses) * 100,
        **changes,
    )


def slot(job: str | None, *phases: tuple, up: bool = True, **changes) -> SlotRecord:
    """A slot at a job; phases as (text, done, total, unit)."""
    names = ("text", "done", "total", "unit")
    told = tuple(PhaseRecord(**dict(zip(names, each, strict=False))) for each in phases)
    return SlotRecord(name=f"slot-{job}", up=up, job=job, phases=told, **changes)


def cluster_of(*slots: SlotRecord, remarks: tuple[str, ...] = ()) -> ClusterRecord:
    first, *others = slots
    return ClusterRecord(at=0.0, slots=(first.with_changes(remarks=remarks), *others))


def standing_of(*records: TrialRecord, began: float = 0.0, **changes) -> Standing:
    """Of trials that all began with the sweep and are like this by now."""
    standing = Standing(sweep(**changes), "1 slot", began)
    for record in records:
        waiting = {"status": "waiting", "measurements": (), "tokens": 0, "error": None}
        standing.changed(record.with_changes(**waiting), began)
        standing.changed(record.with_changes(status="running"), began)
        standing.changed(record, began)
    return standing


def two_metrics(number: int, loss: float, cost: float) -> TrialRecord:
    """A complete trial of a sweep with two metrics."""
    record = trial(number, "complete", loss)
    (last,) = record.measurements
    both = last.with_changes(metrics={"eval_loss": loss, "eval_cost": cost})
    return record.with_changes(measurements=(both,))
