"""Where `slots.lanes: auto` is one lane, known from the file."""

from __future__ import annotations

import pytest

from sweeps.search.lanes import lanes_of, lanes_said, most_lanes, why_one_lane
from sweeps.spec.notes import notes
from sweeps.spec.spec import SpecError, SweepSpec
from trainables.lanes.limits import MOST


def spec(**changes):
    return SweepSpec.parse(
        {
            "name": "lanes",
            "model": "m",
            "data": {"train": "builtin:pydoc"},
            "budget": {"trials": 40, "steps": 100},
            "space": {"learning_rate": {"log_uniform": [1e-5, 1e-3]}},
            **changes,
        }
    )


def searched(**space):
    return {"space": {"learning_rate": {"log_uniform": [1e-5, 1e-3]}, **space}}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"method": "qlora"},
        {"space": "methods", "first_points": []},  # some of its trials can share a base
        searched(**{"lora.dora": {"choice": [True, False]}}),
        {"slots": {"lanes": "auto"}},
    ],
)
def test_by_default_each_slot_finds_its_number(changes):
    changes.pop("first_points", None)
    found = spec(**changes)
    assert lanes_of(found) == "auto" and most_lanes(found) == MOST


WSD = {"schedule": "wsd", **searched(**{"wsd.decay_fraction": {"uniform": [0.1, 0.5]}})}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"method": "full"}, "method full"),
        ({"lora": {"dora": True}}, "lora.dora"),
        (searched(**{"lora.init": {"choice": ["pissa"]}}), "pissa"),
        ({"precision": "fp16"}, "fp16"),
        ({"compile": True}, "compile"),
        (searched(neftune_noise={"uniform": [1.0, 5.0]}), "neftune_noise"),
        ({"micro_batch_size": "auto"}, "micro_batch_size: auto"),
        ({**WSD, "search": {"forks": 4}}, "forks"),
        ({"slots": {"workers": 2}}, "several workers"),
        ({"slots": {"deepspeed": {"zero_stage": 1}}}, "DeepSpeed"),
    ],
)
def test_where_more_cannot_help_it_is_one(changes, why):
    found = spec(**changes)
    assert why in why_one_lane(found)
    assert lanes_of(found) == most_lanes(found) == 1


def test_a_number_is_taken_as_it_is():
    assert lanes_of(spec(slots={"lanes": 6})) == most_lanes(spec(slots={"lanes": 6})) == 6
    assert lanes_of(spec(**WSD, search={"forks": 4}, slots={"lanes": 6})) == 6
    assert most_lanes(spec(budget={"trials": 3, "steps": 100})) == 3


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"method": "full"}, "method full"),
        ({"lora": {"dora": True}}, "lora.dora"),
        ({"compile": True}, "compile"),
        ({"objective": "kto"}, "objective kto"),
    ],
)
def test_a_number_that_no_trial_can_use_is_pointed_out_and_is_one(changes, why):
    found = spec(**changes, slots={"lanes": 6})
    (note,) = [each for each in notes(found) if "slots.lanes" in each]
    assert note.startswith("slots.lanes 6 has no effect: ") and why in note
    assert lanes_of(found) == most_lanes(found) == 1
    for slots in ({"lanes": 1}, {"lanes": "auto"}):
        assert not any("slots.lanes" in each for each in notes(spec(**changes, slots=slots)))
    assert not any("slots.lanes" in each for each in notes(spec(slots={"lanes": 6})))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "auto, found by each slot at its first trial"),
        ({"slots": {"lanes": 4}}, "4 a slot"),
        ({"slots": {"lanes": 1}}, "1 a slot"),
        ({"method": "full"}, "one a slot, since method full has no adapters"),
        ({"method": "full", "slots": {"lanes": 4}}, "one a slot, since method full"),
        ({**WSD, "search": {"forks": 4}}, "one a slot, since search.forks"),
        ({**WSD, "search": {"forks": 4}, "slots": {"lanes": 4}}, "4 a slot"),
    ],
)
def test_what_is_known_of_lanes_is_said(changes, said):
    assert lanes_said(spec(**changes)).startswith(said)


def test_a_number_is_refused_where_it_cannot_be_taken():
    with pytest.raises(
        SpecError, match=r"lanes: 6 needs .*leave out slots\.lanes, or slots\.workers"
    ):
        spec(slots={"lanes": 6, "workers": 2})
    said = r"without lanes; set micro_batch_size to a number, or leave out slots\.lanes"
    with pytest.raises(SpecError, match=said):
        spec(micro_batch_size="auto", slots={"lanes": 6})
