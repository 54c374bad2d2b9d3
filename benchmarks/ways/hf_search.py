"""`Trainer.hyperparameter_search` with Optuna: the usual way on one device."""

from __future__ import annotations

from itertools import count
from typing import Any

import optuna

from benchmarks.ways.job import EVALUATIONS, Job, lora_model, plain_trainer


def run(job: Job) -> None:
    """Search over the trial's number, to run the very same configurations."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def model_init(trial: Any) -> Any:
        number = trial.number if trial is not None else 0
        return lora_model(job, job.params(number)["lora.rank"])

    calls = count(1)

    def objective(metrics: dict[str, float]) -> float:
        # Called at every evaluation; a trial's last one is its end.
        if next(calls) % EVALUATIONS == 0:
            job.ended(metrics["eval_loss"])
        return metrics["eval_loss"]

    trainer = plain_trainer(job, 0, model_init=model_init)
    trainer.hyperparameter_search(
        hp_space=lambda trial: _fixed(job, trial),
        compute_objective=objective,
        n_trials=job.trials,
        direction="minimize",
        backend="optuna",
        gc_after_trial=True,
    )


def _fixed(job: Job, trial: Any) -> dict[str, Any]:
    rates = sorted({job.params(n)["learning_rate"] for n in range(job.trials)})
    trial.suggest_categorical("learning_rate", rates)
    return {"learning_rate": job.params(trial.number)["learning_rate"]}
