from __future__ import annotations

import pytest
from spec_samples import problems_of, toy_tree

from sweeps.base.errors import CapacityError
from sweeps.spec.capacity import plan_slots
from sweeps.spec.settings import SlotsSettings
from sweeps.spec.spec import SweepSpec
from trainables.slots.slot_size import SlotSize


@pytest.mark.parametrize(
    ("settings", "resources", "expected"),
    [
        ({}, {"CPU": 2}, (1, SlotSize(1, 2.0, 0.0))),
        ({}, {"CPU": 64, "GPU": 8}, (8, SlotSize(1, 8.0, 1.0))),
        ({"workers": 4}, {"CPU": 16, "GPU": 8}, (2, SlotSize(4, 2.0, 1.0))),
        ({"gpus": 0.5}, {"CPU": 8, "GPU": 2}, (4, SlotSize(1, 2.0, 0.5))),
        ({"workers": 2}, {"CPU": 2}, (1, SlotSize(2, 1.0, 0.0))),
        ({"count": 2}, {"CPU": 4}, (2, SlotSize(1, 2.0, 0.0))),
        ({"gpus": 0.0}, {"CPU": 4, "GPU": 1}, (1, SlotSize(1, 4.0, 0.0))),
    ],
)
def test_slots_fill_the_machine(settings, resources, expected):
    assert plan_slots(SlotsSettings(**settings), [resources], trials=100) == expected


@pytest.mark.parametrize(
    ("settings", "nodes", "expected"),
    [
        # No node has all eight cores for one worker.
        ({}, [{"CPU": 4}, {"CPU": 4}], (1, SlotSize(1, 4.0, 0.0))),
        # The second node's share of the cores would not fit the first one.
        ({}, [{"CPU": 4, "GPU": 1}, {"CPU": 12, "GPU": 1}], (2, SlotSize(1, 4.0, 1.0))),
        ({}, [{"CPU": 0}, {"CPU": 8, "GPU": 1}, {"CPU": 8, "GPU": 1}], (2, SlotSize(1, 8.0, 1.0))),
        ({"workers": 2}, [{"CPU": 4, "GPU": 1}] * 4, (2, SlotSize(2, 4.0, 1.0))),
        # A worker's share comes from one GPU: two of 0.6 do not fit on one.
        ({"gpus": 0.6}, [{"CPU": 8, "GPU": 2}], (2, SlotSize(1, 4.0, 0.6))),
    ],
)
def test_each_worker_fits_onto_one_node(settings, nodes, expected):
    assert plan_slots(SlotsSettings(**settings), nodes, trials=100) == expected


def test_what_fits_the_cluster_but_none_of_its_nodes_is_refused():
    settings = SlotsSettings(count=3, cpus=2)
    with pytest.raises(CapacityError, match=r"there are 0 and 6 on 2 nodes, with room for 2"):
        plan_slots(settings, [{"CPU": 3}, {"CPU": 3}], trials=100)


def test_a_cluster_that_grows_is_asked_for_more_than_it_has():
    settings = SlotsSettings(max=6, gpus=1.0, cpus=4.0, workers=2)
    assert plan_slots(settings, [], trials=100) == (6, SlotSize(2, 4.0, 1.0))
    assert plan_slots(settings, [], trials=4)[0] == 4


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"count": 2, "max": 3}, "keep one"), ({"max": 6}, "max needs gpus.*; set gpus as well")],
)
def test_settings_that_contradict_each_other_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        SlotsSettings(**wrong)


def test_there_are_no_more_slots_than_trials():
    assert plan_slots(SlotsSettings(), [{"CPU": 64, "GPU": 8}], trials=3)[0] == 3


@pytest.mark.parametrize(
    ("settings", "trials", "wrong"),
    [
        ({"count": 2, "min": 4}, 6, "slots.count allows 2; lower slots.min to 2, or raise"),
        ({"max": 8, "min": 8, "gpus": 1}, 4, "budget.trials allows 4"),
        ({"max": 3, "min": 4, "gpus": 1}, 9, "slots.max allows 3"),
        ({"count": 8, "min": 8}, 7, "budget.trials allows 7"),
        ({"min": 5}, 4, "budget.trials allows 4"),
        ({"min": 2, "gpus": 0}, 9, "slots.count (auto is one slot without GPUs) allows 1"),
        ({"count": 2, "min": 2, "workers": 2}, 2, None),
        ({"max": 8, "min": 8, "gpus": 1}, 8, None),
        ({"min": 4}, 4, None),
    ],
)
def test_more_slots_to_wait_for_than_a_sweep_can_have_are_refused(settings, trials, wrong):
    tree = toy_tree(slots=settings, budget={"trials": trials, "evaluations": 1})
    if wrong is None:
        assert SweepSpec.parse(tree).slots.min == settings["min"]
        return
    (problem,) = problems_of(tree)
    assert problem.startswith(f"slots.min: {settings['min']} slots must start") and wrong in problem


def test_a_grid_has_no_more_slots_than_points():
    tree = toy_tree(
        search={"sampler": "grid"},
        budget={"evaluations": 1},
        space={"lora.rank": {"choice": [4, 8, 16]}},
        slots={"count": 4, "min": 4},
    )
    assert "budget.trials allows 3" in problems_of(tree)[0]


def test_more_slots_to_wait_for_than_fit_the_machine_are_refused_before_any_starts():
    with pytest.raises(CapacityError, match=r"slots\.min: 4 slots .* only 2 of 1 worker"):
        plan_slots(SlotsSettings(min=4), [{"CPU": 8, "GPU": 2}], trials=100)
    with pytest.raises(CapacityError, match=r"slots\.min: 2 .* only 1"):
        plan_slots(SlotsSettings(min=2), [{"CPU": 8}], trials=100)
    assert plan_slots(SlotsSettings(min=2), [{"CPU": 8, "GPU": 2}], trials=100)[0] == 2


@pytest.mark.parametrize(
    ("settings", "resources"),
    [
        ({"workers": 4}, {"CPU": 2}),
        ({"gpus": 1.0}, {"CPU": 2}),
        ({"count": 9}, {"CPU": 64, "GPU": 8}),
    ],
)
def test_what_does_not_fit_is_refused_with_the_numbers(settings, resources):
    with pytest.raises(CapacityError, match=r"need .* but there are"):
        plan_slots(SlotsSettings(**settings), [resources], trials=100)
