"""Records for the tests of this room."""

from __future__ import annotations

from typing import Any

from results.records.prior import Prior
from results.records.record import Measurement, Provenance, SweepRecord, TrialRecord, TrialStatus


def measured(*losses: float, metric: str = "eval_loss") -> tuple[Measurement, ...]:
    """Evaluations every ten steps with these losses."""
    return tuple(
        Measurement(point=i, step=10 * i, tokens=1000 * i, seconds=0.1 * i, metrics={metric: loss})
        for i, loss in enumerate(losses, start=1)
    )


def trial(number: int = 0, status: str = "complete", *losses: float, **fields: Any) -> TrialRecord:
    fields = {"sweep": "s", "measurements": measured(*losses), **fields}
    return TrialRecord(number=number, status=TrialStatus(status), **fields)


def full_trial(**changes: Any) -> TrialRecord:
    """A trial in which every field says something."""
    return TrialRecord(
        sweep="alpaca",
        number=7,
        status=TrialStatus.COMPLETE,
        params={"learning_rate": 0.1 + 0.2, "lora.rank": 16, "schedule": "wsd"},
        config={
            "learning_rate": 0.1 + 0.2,
            "lora.rank": 16,
            "schedule": "wsd",
            "lora.target_modules": ["q_proj", "v_proj"],
            "gradient_checkpointing": False,
            "model": "16",
            "budget.evaluations": 2,
        },
        measurements=(
            Measurement(
                point=1, step=100, tokens=2**40 + 1, seconds=1.1, metrics={"eval_loss": 1 / 3}
            ),
            Measurement(
                point=2, step=200, tokens=2**41 + 1, seconds=2.3, metrics={"eval_loss": 0.7}
            ),
        ),
        test={"test_loss": 0.75},
        seconds=2.7,
        tokens=2**41 + 1,
        tokens_per_second=1e5 / 3,
        peak_memory_bytes=2**36 + 1,
        trainable_parameters=12_345_678,
        total_parameters=494_032_768,
        attempts=2,
        repairs={"micro_batch_size": 4},
        kernels={"logits": "targets", "attention": "sdpa"},
        added_by_hand=True,
        cloned_from=3,
        provenance=Provenance(
            seed=11,
            git_commit="0123abc",
            git_dirty=True,
            data_fingerprint="d" * 64,
            model_fingerprint="m" * 64,
            versions={"torch": "2.13.0", "peft": "0.21.2"},
            device="2 × CPU",
        ),
        started=1_700_000_000.123456,
        ended=1_700_000_002.823456,
    ).with_changes(**changes)


def full_sweep(**changes: Any) -> SweepRecord:
    """A sweep in which every field says something."""
    return SweepRecord(
        name="alpaca",
        state="running",
        metric="eval_loss",
        mode="min",
        base={"eval_loss": 3.25, "eval_perplexity": float("inf")},
        budget_trials=40,
        asked_trials=60,
        caps={"hours": 8.0, "target.eval_loss": 1.2},
        reached={"cap": "hours", "why": "7.9 of 8 h are spent"},
        seconds_before=1800.5,
        edits=({"point": {"lora.rank": 64}, "changes": {"micro_batch_size": 2}, "why": "9 GB"},),
        quote={"low": 3600.0, "high": 5400.5},
        created=1_700_000_000.5,
        resumed=(1_700_000_001.25,),
        changes=("budget.trials: 20 -> 40",),
        warm_start=("first: 8 trials told to the sampler; 1 trial to try first",),
        priors=(Prior(name="learning_rate", value=3e-4, method="lora"),),
        rows_left_out={"empty answer": 6},
        rows_adjusted={"neighbouring turns of one role joined": 31},
        breakdowns=("The observer thread broke down (KeyError: 'x'); nobody looks",),
        experiment="tuning",
        seed=7,
        pid=4321,
        provenance=Provenance(seed=7, git_commit="0123abc", git_dirty=False),
    ).with_changes(**changes)
