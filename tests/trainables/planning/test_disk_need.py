"""Checkpoints and weights on disk against their closed form."""

from __future__ import annotations

import pytest
import tiny_training as tiny

from trainables.planning.disk import disk_need
from trainables.planning.planner import Planner
from trainables.training.checkpoints import Checkpoints
from trainables.training.workshop import Workshop


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny.make_inputs(tmp_path_factory.mktemp("disk"))


@pytest.mark.parametrize(
    "params", [{"method": "full"}, {"method": "lora", "lora__rank": 64, "precision": "bf16"}]
)
def test_disk_of_a_checkpoint(inputs, params, tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoints", every=0.0, layout="alone")
    tiny.run_trial(Workshop(inputs), tiny.Watcher(tmp_path), checkpoints, **params)
    need = disk_need(Planner(inputs).estimate(tiny.trial(**params), 1), 1)
    latest = checkpoints.path(checkpoints.latest())
    assert need.checkpoint == pytest.approx(_size(latest, ("*.pt", "*.safetensors")), rel=0.1)
    assert need.weights == pytest.approx(_size(tmp_path / "best", ("*.safetensors",)), rel=0.1)


def _size(folder, patterns):
    """Its tensors' files; random states and descriptions are as large for any model."""
    files = [each for pattern in patterns for each in folder.glob(pattern)]
    return sum(each.stat().st_size for each in files if "scheduler" not in each.name)
