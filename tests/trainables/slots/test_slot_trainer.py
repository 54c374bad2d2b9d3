"""What a slot leaves out of Ray Train's run."""

from __future__ import annotations

import socket
import sys

import pytest
from ray.experimental import internal_kv
from ray.train import RunConfig, ScalingConfig
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

from trainables.slots.slot_trainer import SlotTrainer

# ray.data, which ray.train imports, sets what it has deprecated itself.
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")


@pytest.fixture
def address():
    """Of what listens while the test runs."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def callbacks(monkeypatch, tmp_path):
    """Those of a slot, by their names, on a Ray whose head notes this address of its dashboard."""

    def of(noted):
        monkeypatch.setenv("RAY_TRAIN_V2_ENABLED", "1")
        answer = noted and noted.encode()
        monkeypatch.setattr(internal_kv, "_internal_kv_get", lambda key, namespace: answer)
        trainer = SlotTrainer(
            lambda: None,
            scaling_config=ScalingConfig(num_workers=1),
            run_config=RunConfig(name="slot", storage_path=str(tmp_path)),
        )
        return {type(each).__name__: each for each in trainer._create_default_callbacks()}

    return of


def test_a_slot_starts_no_process_for_datasets(callbacks, address):
    made = callbacks(address)
    assert "BackendSetupCallback" in made and "DatasetsCallback" not in made


def test_a_slots_end_does_not_wait_for_the_last_look_of_the_cleaner(callbacks, address):
    assert callbacks(address)["PlacementGroupCleanerCallback"]._stop_timeout == 1.0


@pytest.mark.parametrize("noted", [None, "", "127.0.0.1:1"])
def test_without_a_dashboard_nothing_is_asked_of_it(callbacks, noted):
    assert "PlacementGroupCleanerCallback" not in callbacks(noted)


def test_with_another_version_of_ray_train_runs_its_own_controller(monkeypatch):
    monkeypatch.setitem(sys.modules, "trainables.slots.controller_here", None)
    monkeypatch.setattr(
        DataParallelTrainer, "_initialize_and_run_controller", lambda self, **parts: parts
    )
    assert SlotTrainer(lambda: None)._initialize_and_run_controller(a=1) == {"a": 1}
