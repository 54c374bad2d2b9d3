"""A slot's evaluations and costs as parts of records, and back. Pure."""

from __future__ import annotations

from results.records.record import Measurement, TrialRecord
from trainables.core.evaluation import Cost, Evaluation


def measurement_of(evaluation: Evaluation) -> Measurement:
    """The evaluation as a record keeps it."""
    return Measurement(
        point=evaluation.point,
        step=evaluation.step,
        tokens=evaluation.cost.tokens,
        seconds=evaluation.cost.seconds,
        metrics=dict(evaluation.metrics),
        subset=dict(evaluation.subset),
    )


def evaluation_of(measurement: Measurement) -> Evaluation:
    """The evaluation of before an interruption."""
    cost = Cost(seconds=measurement.seconds, tokens=measurement.tokens)
    return Evaluation(
        measurement.point, measurement.step, measurement.metrics, cost, subset=measurement.subset
    )


def with_cost(record: TrialRecord, cost: Cost) -> TrialRecord:
    """The record with its totals so far, without what another trial trained for it; a failed
    trial's outcome has none, so old ones stay."""
    if cost == Cost():
        return record
    seconds, tokens = cost.seconds - cost.shared_seconds, cost.tokens - cost.shared_tokens
    branch = record.branch and record.branch.with_changes(
        steps=cost.shared_steps, seconds=cost.shared_seconds, tokens=cost.shared_tokens
    )
    return record.with_changes(
        branch=branch,
        seconds=seconds,
        tokens=tokens,
        tokens_per_second=tokens / seconds if seconds > 0 else 0.0,
        peak_memory_bytes=cost.peak_memory_bytes,
        trainable_parameters=cost.trainable_parameters,
        total_parameters=cost.total_parameters,
        generation_seconds=cost.generation_seconds,
        judge_tokens=cost.judge_tokens,
        judge_dollars=cost.judge_dollars,
        loading_seconds=cost.loading_seconds,
        kernels=dict(cost.kernels),
        # A trial that goes on alone has shared a base before.
        lanes=max(record.lanes, cost.lanes),
    )
