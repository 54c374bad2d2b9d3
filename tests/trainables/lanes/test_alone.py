"""A trial by itself in a lane, as a dry run times it."""

from __future__ import annotations

import pytest
import tiny_training as tiny

from trainables.core.errors import RefusedError
from trainables.core.evaluation import Ending


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return tiny.make_inputs(tmp_path_factory.mktemp("alone"))


def trained(workshop, config):
    kept = tiny.Watcher()
    outcome = workshop.train(config, kept)
    return kept.losses, outcome


@pytest.mark.parametrize(
    "params", [{}, {"lora__target_modules": ("q_proj", "lm_head")}, {"method": "prompt"}]
)
def test_it_measures_what_it_does_in_a_workshop_whether_or_not_it_can_share_a_base(inputs, params):
    from trainables.lanes.alone import LaneWorkshop
    from trainables.training.workshop import Workshop

    config = tiny.trial(**params)
    (ours, one), (theirs, other) = (
        trained(kind(inputs), config) for kind in (LaneWorkshop, Workshop)
    )
    assert one.ending is other.ending is Ending.COMPLETE
    assert ours == pytest.approx(theirs, abs=1e-5)
    assert one.cost.tokens == other.cost.tokens


def test_its_mistakes_are_raised(inputs):
    from trainables.lanes.alone import LaneWorkshop

    with pytest.raises(RefusedError, match="nothing"):
        trained(LaneWorkshop(inputs), tiny.trial(lora__target_modules=("nothing",)))
