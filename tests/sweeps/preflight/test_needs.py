"""What a sweep needs of machines, after its edits."""

from __future__ import annotations

from spec_samples import sft_tree

from results.records.record import Edit
from sweeps.planning.cards import Card
from sweeps.planning.combinations import Combination
from sweeps.planning.plan import Line, Plan
from sweeps.preflight.needs import hub_model, needs_of
from sweeps.spec.spec import SweepSpec
from trainables.planning.activations import Activations
from trainables.planning.curves import Curve
from trainables.planning.estimate import Estimate
from trainables.planning.inventory import Inventory
from trainables.planning.states import States

ROOM = 1_000


def line(rank: int, weights: int, per_sequence: int) -> Line:
    """A combination with micro-batches of 8."""
    states = States(weights, 0, 0, 0, 0, 0, host=7 * rank)
    passes = Activations(Curve.even(0, per_sequence), Curve.even(0, per_sequence))
    of = Combination({"lora.rank": rank}, 8, None, 8)
    return Line(of, Estimate(Inventory((), (), 0, ()), states, passes))


def needs(tmp_path, lines, *edits):
    spec = SweepSpec.parse(sft_tree(tmp_path, slots={"gpus": 0.5}))
    plan = Plan(Card("small", 2 * ROOM), ROOM, 1, 10, tuple(lines), planner=None)
    made = [
        Edit(point={"lora.rank": rank, "micro_batch_size": 8}, changes=changes, why="needs more")
        for rank, changes in edits
    ]
    return needs_of(spec, plan=plan, edits=made)


def test_the_largest_trial_counts_as_edited(tmp_path):
    small, large = line(4, 100, 50), line(8, 100, 500)
    assert needs(tmp_path, [small]).peak == 500
    assert needs(tmp_path, [small, large], (8, {"micro_batch_size": 1})).peak == 600
    assert needs(tmp_path, [small, large], (8, {})).peak == 500, "it is taken out"
    spared = {"micro_batch_size": 4, "gradient_checkpointing": 1}
    assert needs(tmp_path, [small, large], (8, spared)).peak == ROOM
    assert needs(tmp_path, [small, large]).peak == ROOM, "by more workers, it fits"
    assert needs(tmp_path, [small, large]).host == 56
    assert needs(tmp_path, [small]).share == 0.5


def test_only_models_of_the_hub_are_asked_for_on_each_machine(tmp_path):
    def asked(model):
        return hub_model(SweepSpec.parse(sft_tree(tmp_path, model=model), elsewhere=True))

    assert asked("org/model").name == "org/model"
    assert asked("builtin:pydoc") is None
    assert asked("/models/mine") is None
