"""Two workers share the answers of a step: the trial is that of one worker, up to rounding."""

from __future__ import annotations

import pytest
from reward_models import make_reward_model
from rollout_training import inputs_of, make_asked, rl_trial
from torchrun import on_two_workers
from two_workers_rollouts import KINDS, judged_by, trained

pytestmark = pytest.mark.cluster

ALONE = ("plain", "rloo", "full", "ppo", "reward model")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    from trainables.training.workshop import Workshop

    folder = make_asked(tmp_path_factory.mktemp("alone"))
    judge = make_reward_model(folder / "judge")
    inputs = inputs_of(rl_trial(folder), folder, reward_models=judged_by(judge))
    alone = {kind: trained(Workshop(inputs), folder, kind) for kind in ALONE}
    shared = make_asked(tmp_path_factory.mktemp("together"))
    sets = str(inputs.train), str(inputs.validation), str(judge)
    return alone, on_two_workers("two_workers_rollouts.py", shared, *sets)


@pytest.mark.parametrize("kind", KINDS)
def test_two_workers_learn_what_one_learns(made, kind):
    alone, together = made
    expected = alone[kind.partition(",")[0]]
    assert len(expected) == len(together[0][kind]) == 2
    for mine, theirs in zip(expected, together[0][kind], strict=True):
        names = [name for name in mine if name != "train_rollout_seconds"]
        assert {name: theirs[name] for name in names} == pytest.approx(
            {name: mine[name] for name in names}, abs=1e-4
        )
