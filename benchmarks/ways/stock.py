"""The documented way on Ray: a Tune function that builds a TorchTrainer for each trial."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from benchmarks.ways.job import Job, last_eval_loss, plain_trainer


def run(job: Job) -> None:
    """One trial at a time; its worker gets all threads, its driver none."""
    os.environ |= {"RAY_TRAIN_V2_ENABLED": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    import ray
    from ray import tune

    ray.init(num_cpus=job.threads, log_to_driver=False, resources={"driver": 1})
    storage = tempfile.mkdtemp()

    def trial_driver(config: dict[str, Any]) -> None:
        from ray.train import RunConfig, ScalingConfig
        from ray.train.torch import TorchTrainer
        from ray.tune.integration.ray_train import TuneReportCallback

        TorchTrainer(
            _train,
            train_loop_config={"job": job, "trial": config["trial"]},
            scaling_config=ScalingConfig(num_workers=1, resources_per_worker={"CPU": job.threads}),
            run_config=RunConfig(
                name=f"trial-{config['trial']}",
                storage_path=storage,
                callbacks=[TuneReportCallback()],
            ),
        ).fit()

    class Ended(tune.Callback):
        def on_trial_complete(
            self, iteration: int, trials: list[Any], trial: Any, **info: Any
        ) -> None:
            job.ended(float(trial.last_result["eval_loss"]))

    tune.Tuner(
        tune.with_resources(trial_driver, {"driver": 1}),
        param_space={"trial": tune.grid_search(list(range(job.trials)))},
        tune_config=tune.TuneConfig(max_concurrent_trials=1),
        run_config=tune.RunConfig(storage_path=storage, verbose=0, callbacks=[Ended()]),
    ).fit()
    ray.shutdown()


def _train(settings: dict[str, Any]) -> None:
    import ray.train

    trainer = plain_trainer(settings["job"], settings["trial"])
    trainer.train()
    ray.train.report({"eval_loss": last_eval_loss(trainer)})
