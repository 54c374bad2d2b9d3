"""A plain loop over the trials in one process."""

from __future__ import annotations

import gc

from benchmarks.ways.job import Job, last_eval_loss, plain_trainer


def run(job: Job) -> None:
    """Train one by one."""
    for trial in range(job.trials):
        trainer = plain_trainer(job, trial)
        trainer.train()
        loss = last_eval_loss(trainer)
        del trainer
        gc.collect()
        job.ended(loss)
