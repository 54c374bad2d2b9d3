"""Ours: a whole sweep, with its records, its Optuna study and its MLflow database."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.ways.job import EVALUATIONS, RANKS, RATES, Job
from results.records.record import TrialRecord
from sweeps.base.view import View
from sweeps.home.home import SweepHome
from sweeps.run.launch import launch
from sweeps.spec.spec import SweepSpec


class Watch(View):
    """Notes the ends of trials; shows nothing."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def changed(self, record: TrialRecord) -> None:
        """Note an ended trial."""
        last = record.last()
        if record.status.ended:
            self._job.ended(last.metrics["eval_loss"] if last else float("nan"))


def run(job: Job, model: str, data: str, max_length: int) -> None:
    """Run a sweep with queued points, to run the very same configurations."""
    home = SweepHome(Path(tempfile.mkdtemp()))
    # The token files exist for all four ways; ours reads them from its cache.
    home.path.mkdir(exist_ok=True)
    home.cache.symlink_to(job.log.parent / "cache")
    launch(SweepSpec.parse(_tree(job, model, data, max_length)), home, Watch(job))


def _tree(job: Job, model: str, data: str, max_length: int) -> dict[str, Any]:
    return {
        "name": "overhead",
        "model": model,
        "data": {"train": data, "max_length": max_length},
        "precision": "fp32",
        "batch_size": job.batch_size,
        "warmup_fraction": 0.0,
        "budget": {"trials": job.trials, "steps": job.steps, "evaluations": EVALUATIONS},
        "search": {
            "early_stopping": "none",
            "first_points": [job.params(trial) for trial in range(job.trials)],
        },
        "space": {
            # A choice would make the space finite, and no combination would run twice.
            "learning_rate": {"log_uniform": [min(RATES), max(RATES)]},
            "lora.rank": {"choice": sorted(set(RANKS))},
        },
        "slots": {"count": 1, "cpus": float(job.threads), "gpus": 0.0},
    }
