"""What a slot leaves out of Ray Train's run."""

from __future__ import annotations

import pytest
from ray.train import RunConfig, ScalingConfig

from trainables.slots.slot_trainer import SlotTrainer

# ray.data, which ray.train imports, sets what it has deprecated itself.
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")


@pytest.fixture
def callbacks(monkeypatch, tmp_path):
    monkeypatch.setenv("RAY_TRAIN_V2_ENABLED", "1")
    trainer = SlotTrainer(
        lambda: None,
        scaling_config=ScalingConfig(num_workers=1),
        run_config=RunConfig(name="slot", storage_path=str(tmp_path)),
    )
    return {type(each).__name__: each for each in trainer._create_default_callbacks()}


def test_a_slot_starts_no_process_for_datasets(callbacks):
    assert "BackendSetupCallback" in callbacks and "DatasetsCallback" not in callbacks


def test_a_slots_end_waits_for_no_look_of_the_cleaner(callbacks):
    """Which lasts ten seconds on a Ray without a dashboard, and which Train would wait for."""
    assert callbacks["PlacementGroupCleanerCallback"]._stop_timeout == 1.0
