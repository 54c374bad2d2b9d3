"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import os

import pytest

# The tests' models are tiny: threads would only wait for each other, and long ones where other
# processes keep the cores busy. Set before anything imports torch, and inherited by subprocesses.
os.environ["OMP_NUM_THREADS"] = "1"

QUIET_RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
}


@pytest.fixture(scope="session")
def ray_cluster():
    """One local Ray for the whole session; each test that uses it is marked `ray`."""
    os.environ.update(QUIET_RAY)
    import ray

    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=150_000_000,
    )
    yield ray
    ray.shutdown()
