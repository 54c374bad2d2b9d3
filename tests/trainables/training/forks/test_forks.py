"""A branch that begins at a fork must end as the trial that was trained whole, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_training as tiny
from tiny_training import Watcher, run_trial

from trainables.core.evaluation import Ending
from trainables.training.checkpoints import Checkpoints
from trainables.training.forks.forking import ForkingCheckpoints
from trainables.training.forks.forks import Forks
from trainables.training.forks.tape import Tape, shared_steps

TRUNK = {
    "schedule": "wsd",
    "budget__steps": 16,
    "budget__evaluations": 4,
    "warmup_fraction": 0.25,
    "micro_batch_size": 2,  # 4 of them in a step
    "lora__dropout": 0.3,
    "learning_rate": 3e-2,
}
BRANCHES = [
    {**TRUNK, "wsd__decay_fraction": decay, "floor_fraction": floor}
    for decay, floor in ((0.5, 0.0), (0.2, 0.0), (0.2, 0.3), (0.35, 0.1))
]
FILES = ("best", "losses.npz")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    from trainables.training.workshop import Workshop

    return Workshop(tiny.make_inputs(tmp_path_factory.mktemp("forks")))


class Branch:
    """One trial of several with a trunk, trained as a slot does it."""

    def __init__(self, workshop, params, place, forks, siblings=()):
        self.config, self.place = tiny.trial(**params), place
        self.workshop = workshop
        self.forks = Forks(forks, "one", FILES)
        self.tape = self.tape_of(self.config)
        tapes = [self.tape_of(tiny.trial(**each)) for each in siblings]
        self.steps = {shared_steps(self.tape, each) for each in tapes}
        self.evaluations = []

    def tape_of(self, config):
        return Tape(config, self.workshop.plan(config, 1))

    def train(self, **how):
        """Train to its end, or until a Watcher with these options ends it."""
        if not self.evaluations:
            taken = self.forks.take(self.tape, self.place / "checkpoints", self.place)
            self.evaluations += taken or ()
        watcher = Heard(self.evaluations, self.place, **how)
        checkpoints = ForkingCheckpoints(
            *(self.place / "checkpoints", 0.0, self.place, self.forks),
            *(self.tape, self.steps, self.evaluations),
        )
        self.outcome = self.workshop.train(self.config, watcher, checkpoints)
        return self


class Heard(Watcher):
    def __init__(self, evaluations, place, **how):
        super().__init__(place, **how)
        self.evaluations = evaluations

    def heard(self):
        return len(self.evaluations)

    def evaluated(self, evaluation):
        self.evaluations.append(evaluation)
        return super().evaluated(evaluation)


def last_state(place):
    """Weights and moments after the last step but one, and the weights at the end."""
    import torch
    from safetensors.torch import load_file

    checkpoint = place / "checkpoints" / "checkpoint-15"
    optimizer = torch.load(checkpoint / "optimizer.pt", weights_only=True)
    moments = {
        f"{number}.{name}": value
        for number, state in optimizer["state"].items()
        for name, value in state.items()
    }
    weights = load_file(checkpoint / "trained.safetensors")
    ends = load_file(place / "best" / "adapter_model.safetensors")
    return {**moments, **weights, **{f"end.{name}": each for name, each in ends.items()}}


def assert_same_state(one, other):
    import torch

    mine, theirs = last_state(one), last_state(other)
    assert mine.keys() == theirs.keys() and len(mine) > 20
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    losses = [np.load(place / "losses.npz")["loss_sums"] for place in (one, other)]
    assert np.array_equal(*losses)


@pytest.fixture(scope="module")
def alone(workshop, tmp_path_factory):
    """Each branch trained whole, by itself."""
    made = []
    for number, params in enumerate(BRANCHES):
        place = tmp_path_factory.mktemp(f"alone-{number}")
        watcher = Watcher(place)
        checkpoints = Checkpoints(place / "checkpoints", 0.0, "one")
        outcome, _ = run_trial(workshop, watcher, checkpoints, **params)
        made.append((place, watcher, outcome))
    return made


@pytest.mark.parametrize("killed", [False, True], ids=["undisturbed", "killed"])
def test_branches_are_the_trials_that_they_would_be_alone(workshop, alone, tmp_path, killed):
    trained = 0
    for number, params in enumerate(BRANCHES):
        later = BRANCHES[number + 1 :]
        branch = Branch(workshop, params, tmp_path / str(number), tmp_path / "forks", later)
        if killed:  # in the trunk before a fork, in a branch just after one
            suspended = branch.train(stop_at_step=1, how=Ending.SUSPENDED).outcome
            assert suspended.ending is Ending.SUSPENDED
        outcome = branch.train().outcome
        place, watcher, whole = alone[number]
        assert [each.metrics for each in branch.evaluations] == [
            each.metrics for each in watcher.seen
        ]
        assert [each.step for each in branch.evaluations] == [4, 8, 12, 16]
        assert_same_state(branch.place, place)
        assert outcome.cost.tokens == whole.cost.tokens
        trained += outcome.cost.tokens - outcome.cost.shared_tokens
    tokens = alone[0][2].cost.tokens
    assert trained == pytest.approx(tokens * (16 + 7 + 2 + 5) / 16, rel=0.1)


def test_each_branch_begins_where_it_parts_from_an_earlier_one(workshop, tmp_path):
    shared = []
    for number, params in enumerate(BRANCHES):
        later = BRANCHES[number + 1 :]
        branch = Branch(workshop, params, tmp_path / str(number), tmp_path / "forks", later)
        shared.append(branch.train().outcome.cost.shared_steps)
        assert all(each.shared == (each.step <= shared[-1]) for each in branch.evaluations)
    # A decay of 0.5 begins after 8 of 16 steps; the rate of its first step is still the peak.
    assert shared == [0, 9, 14, 11]
    assert len(list((tmp_path / "forks").iterdir())) == 3


def test_a_fork_of_another_trial_is_not_taken(workshop, tmp_path):
    trunk = Branch(workshop, BRANCHES[0], tmp_path / "0", tmp_path / "forks", BRANCHES[1:2])
    trunk.train()
    other = {**BRANCHES[1], "micro_batch_size": 4}
    branch = Branch(workshop, other, tmp_path / "1", tmp_path / "forks").train()
    assert branch.outcome.cost.shared_steps == 0
    assert [each.step for each in branch.evaluations] == [4, 8, 12, 16]


def test_a_damaged_fork_is_not_taken(workshop, tmp_path):
    trunk = Branch(workshop, BRANCHES[0], tmp_path / "0", tmp_path / "forks", BRANCHES[1:2])
    trunk.train()
    (file,) = (tmp_path / "forks").rglob("optimizer.pt")
    file.write_bytes(file.read_bytes()[:-10])
    branch = Branch(workshop, BRANCHES[1], tmp_path / "1", tmp_path / "forks").train()
    assert branch.outcome.cost.shared_steps == 0
    assert branch.outcome.ending is Ending.COMPLETE


def test_what_a_branch_writes_leaves_the_fork_as_it_was(workshop, tmp_path):
    trunk = Branch(workshop, BRANCHES[0], tmp_path / "0", tmp_path / "forks", BRANCHES[1:2])
    trunk.train()
    before = {f: f.read_bytes() for f in (tmp_path / "forks").rglob("*") if f.is_file()}
    assert before
    Branch(workshop, BRANCHES[1], tmp_path / "1", tmp_path / "forks").train()
    assert {f: f.read_bytes() for f in before} == before
