"""Disk, shared memory and clocks of a machine against a sweep's needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import tiny_training as tiny
from spec_samples import sft_tree

from sweeps.base.errors import LaunchError
from sweeps.preflight.disk import Copies, check_disk_for, copies
from sweeps.preflight.facts import Facts
from sweeps.preflight.finding import Level, note, ok, wrong
from sweeps.preflight.machines import settle
from sweeps.preflight.memory import check_memory
from sweeps.preflight.needs import Needs
from sweeps.preflight.prices import check_prices
from sweeps.spec.spec import SweepSpec
from trainables.core.model_source import ModelSource
from trainables.planning.disk import DiskNeed

MIB = 2**20
NEEDS = Needs((), workers=2)
DOCKER = Facts("box", 2**38, shared_memory=64 * MIB)


def test_workers_need_more_shared_memory_than_docker_gives():
    (found,) = check_memory(DOCKER, NEEDS, 2)
    assert found.level is Level.WRONG and "64 MB" in found.message
    assert "--shm-size" in found.remedy
    for enough in (
        check_memory(replace(DOCKER, shared_memory=2**30), NEEDS, 2),
        check_memory(DOCKER, replace(NEEDS, workers=1), 2),
    ):
        (found,) = enough
        assert found.level is Level.OK and "256.0 GB of memory" in found.message


def test_memory_of_all_workers_together():
    bare = replace(DOCKER, memory=2**33, shared_memory=None)
    needs = replace(NEEDS, host=3 * 2**30)
    (found,) = check_memory(bare, needs, 2)
    assert found.level is Level.OK and "no /dev/shm" in found.message
    (found,) = check_memory(bare, needs, 4)
    assert found.level is Level.NOTE and "8.0 GB" in found.message


NEED = DiskNeed(checkpoint=10 * 10**9, weights=3 * 10**9)
HUB = ModelSource("some-org/some-model")


@pytest.mark.parametrize(
    ("free", "level"), [(76, Level.OK), (74, Level.NOTE), (37, Level.NOTE), (35, Level.WRONG)]
)
def test_disk_for_checkpoints(free, level):
    # Two trials at once: three checkpoints and twice the weights each; weights of one more.
    copies = Copies(at_once=2, kept=1)
    assert copies.of(NEED) == 75 * 10**9
    (found,) = check_disk_for(copies, free * 10**9, Path("/home"), HUB, lambda: NEED)
    assert found.level is level and "75.0 GB" in found.message
    assert ("10.0 GB" in found.message) == (level is not Level.OK)


def test_forks_take_a_checkpoint_and_weights_each(tmp_path):
    tree = sft_tree(
        tmp_path,
        schedule="wsd",
        budget={"trials": 40},
        search={"forks": 4},
        slots={"lanes": 1, "keep_best": 1},
        space={"wsd.decay_fraction": {"uniform": [0.1, 0.3]}},
    )
    # In two slots two trunks are unfinished at most, each with three forks.
    found = copies(2, SweepSpec.parse(tree), repeats=0)
    assert found.of(NEED) == Copies(at_once=2, kept=1).of(NEED) + 6 * 13 * 10**9
    (said,) = check_disk_for(found, 100 * 10**9, Path("/home"), HUB, lambda: NEED)
    assert said.level is Level.NOTE and "2 trials at once and for 6 forks" in said.message


def test_a_small_model_leaves_no_doubt_that_asks_for_a_plan(tmp_path):
    model = ModelSource(str(tiny.make_model(tmp_path / "model")))

    def planned() -> DiskNeed:
        raise AssertionError("not asked")

    (found,) = check_disk_for(Copies(4, 2), 10**9, tmp_path, model, planned)
    assert found.level is Level.OK


@pytest.mark.parametrize(
    ("kinds", "named"),
    [
        (["worker", "worker"], None),
        (["worker", "a100"], "no price for a100, only for worker"),
        ([""], "nodes of a type unknown to Ray"),
    ],
)
def test_types_of_nodes_without_a_price_are_a_note(kinds, named):
    found = [*check_prices({"worker": 1.006}, kinds)]
    assert len(found) == (named is not None)
    assert all(each.level is Level.NOTE and named in each.message for each in found)
    assert not [*check_prices({}, kinds)]


@pytest.mark.parametrize(
    ("kinds", "said"),
    [(["worker"], "did you mean worker?"), (["a100", "t4"], "known: a100, t4"), ([""], "")],
)
def test_a_price_of_a_type_that_no_node_has_is_a_note_since_it_may_come(kinds, said):
    found = [
        each for each in check_prices({"wroker": 1.0}, kinds) if "no node there" in each.message
    ]
    assert [each.remedy for each in found] == ([said] if said else [])
    assert all(each.level is Level.NOTE for each in found)


class Lines:
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def test_notes_are_said_and_all_that_is_wrong_is_refused_at_once():
    view = Lines()
    settle([ok("disk", "fine"), note("gpu memory", "half of it is free")], view)
    assert view.said == ["Note: half of it is free."]
    with pytest.raises(LaunchError) as refused:
        settle([wrong("a", "one is wrong", "mend it"), wrong("b", "so is another")], view)
    assert "one is wrong; mend it" in str(refused.value) and "so is another" in str(refused.value)
