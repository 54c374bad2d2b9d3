"""A trial that was laid aside and taken up again must end as one that nothing disturbed."""

from __future__ import annotations

import pytest
import tiny_training as tiny
from method_kinds import KINDS
from tiny_training import Watcher, run_trial

from trainables.core.evaluation import Ending
from trainables.training.checkpoints import Checkpoint, Checkpoints, needless

LONG = {"budget__steps": 8, "budget__evaluations": 4, "warmup_fraction": 0.25}


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    from trainables.training.workshop import Workshop

    return Workshop(tiny.make_inputs(tmp_path_factory.mktemp("checkpoints")))


def never(folder):
    return Checkpoints(folder, every=float("inf"), layout="one")


def interrupted(workshop, folder, params):
    """The evaluations of both halves of a trial that was laid aside at step 5, and its outcome."""
    suspended, before = run_trial(
        workshop, Watcher(stop_at_step=5, how=Ending.SUSPENDED), never(folder), **params
    )
    assert suspended.ending is Ending.SUSPENDED
    outcome, after = run_trial(workshop, Watcher(), never(folder), **params)
    assert [each.step for each in after.seen] == [6, 8], "no step is made twice"
    return before.seen + after.seen, outcome


@pytest.mark.parametrize("kind", KINDS)
def test_every_method_goes_on_as_if_nothing_had_happened(workshop, tmp_path, kind):
    params = {**LONG, **KINDS[kind][0], "lora__dropout": 0.2}
    whole, watcher = run_trial(workshop, **params)
    seen, outcome = interrupted(workshop, tmp_path, params)
    assert [each.metrics for each in seen] == [each.metrics for each in watcher.seen]
    assert (outcome.ending, outcome.cost.tokens) == (Ending.COMPLETE, whole.cost.tokens)
    assert outcome.cost.seconds > seen[1].cost.seconds, "the first half's time counts"


@pytest.mark.parametrize(
    "params",
    [
        {"optimizer__name": name}
        for name in ("adamw_8bit", "sgd", "adafactor", "lion", "lion_8bit", "lamb")
    ]
    + [
        {"precision": "bf16", "micro_batch_size": 2},
        {"schedule": "wsd", "batch_ramp__start_fraction": 0.25, "neftune_noise": 5.0},
        {"gradient_checkpointing": True, "method": "full"},
    ],
    ids=lambda params: " ".join(map(str, params.values())),
)
def test_every_optimizer_and_precision_goes_on(workshop, tmp_path, params):
    params = {**LONG, **params}
    _, watcher = run_trial(workshop, **params)
    seen, _ = interrupted(workshop, tmp_path, params)
    assert [each.metrics for each in seen] == [each.metrics for each in watcher.seen]


def test_a_checkpoint_is_written_when_it_is_time_and_two_are_kept(workshop, tmp_path):
    run_trial(workshop, Watcher(), Checkpoints(tmp_path, every=0.0, layout="one"), **LONG)
    # None at the last step, after which there is nothing to go on with.
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint-6", "checkpoint-7"}
    assert not list(tmp_path.rglob("*.bin")), "weights are safetensors"


@pytest.mark.parametrize(
    ("steps", "written", "dropped"),
    [
        ([1, 2], 2, []),
        ([1, 2, 3], 3, [1]),
        ([900, 1000, 100], 100, [900, 1000]),
        ([50, 1000, 100], 100, [1000]),
    ],
)
def test_what_was_written_last_outlives_what_was_given_up(steps, written, dropped):
    assert needless(steps, written) == dropped


class Forgetful(Watcher):
    """One evaluation was made of the trial that nobody has written down."""

    def heard(self):
        return 2


def test_no_evaluation_that_is_not_on_record_is_passed_over(workshop, tmp_path):
    _, whole = run_trial(
        workshop, Watcher(), Checkpoints(tmp_path, every=0.0, layout="one"), **LONG
    )
    assert never(tmp_path).latest().step == 7 and never(tmp_path).latest(before=7).step == 6
    _, watcher = run_trial(workshop, Forgetful(), never(tmp_path), **LONG)
    assert [each.step for each in watcher.seen] == [2, 4, 6, 8], "both checkpoints are after it"
    assert [each.metrics for each in watcher.seen] == [each.metrics for each in whole.seen]


def damage_by_cutting(folder):
    file = folder / "optimizer.pt"
    file.write_bytes(file.read_bytes()[:-100])


def damage_by_changing_a_byte(folder):
    file = folder / "trained.safetensors"
    text = bytearray(file.read_bytes())
    text[len(text) // 2] ^= 1
    file.write_bytes(text)


def damage_by_removing(folder):
    (folder / "scheduler.pt").unlink()


def damage_the_manifest(folder):
    (folder / "manifest.json").write_text('{"checkpoint": {"st')


@pytest.mark.parametrize(
    "damage",
    [damage_by_cutting, damage_by_changing_a_byte, damage_by_removing, damage_the_manifest],
)
def test_of_a_damaged_checkpoint_the_one_before_is_used(workshop, tmp_path, damage):
    _, whole = run_trial(
        workshop, Watcher(), Checkpoints(tmp_path, every=0.0, layout="one"), **LONG
    )
    damage(tmp_path / "checkpoint-7")
    assert never(tmp_path).latest().step == 6
    outcome, watcher = run_trial(workshop, Watcher(), never(tmp_path), **LONG)
    assert outcome.ending is Ending.COMPLETE
    assert [each.metrics for each in watcher.seen] == [whole.seen[-1].metrics]
    damage(tmp_path / "checkpoint-6")
    assert never(tmp_path).latest() is None, "then from the beginning"


def test_what_was_being_written_when_the_power_went_is_no_checkpoint(tmp_path):
    checkpoints = never(tmp_path)

    def fill(folder):
        (folder / "checkpoint-3").mkdir()
        (folder / "checkpoint-3" / "weights").write_bytes(b"half of")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checkpoints.write(Checkpoint(3, 1.0, 1), fill)
    assert checkpoints.latest() is None


def test_a_checkpoint_of_other_workers_is_passed_over(tmp_path):
    def fill(folder):
        (folder / "checkpoint-3").mkdir()

    Checkpoints(tmp_path, 0.0, "2 workers").write(Checkpoint(3, 1.0, 1), fill)
    assert Checkpoints(tmp_path, 0.0, "2 workers").latest() == Checkpoint(3, 1.0, 1)
    assert Checkpoints(tmp_path, 0.0, "1 worker").latest() is None
