"""What cannot fit is given room or taken out before trial 1, and never drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_training as tiny
from data_samples import write_lines

from results.records.record import Edit, Measurement, TrialRecord, TrialStatus
from sweeps.base.errors import SweepError
from sweeps.base.view import View
from sweeps.inputs.prepare import inputs_of
from sweeps.planning.combinations import combinations_of
from sweeps.planning.edited import edited
from sweeps.planning.edits import Edits, in_words
from sweeps.planning.plan import make_plan
from sweeps.run import fitting
from sweeps.run.fitting import card_of
from sweeps.search.searcher import OptunaSearcher
from sweeps.search.study import StudyBook, open_study
from sweeps.spec.spec import SweepSpec
from trainables.planning.planner import Planner

ROWS = [{"prompt": f"w{n} w5 w6", "completion": "w7 w8"} for n in range(20, 60)]


def edits_for(spec, prepared, view, address):
    plan = fitting.plan_for(spec, prepared, view, address)
    return fitting.edits_for(spec, prepared, plan, view, address)


def toy_spec(**changes):
    tree = {
        "name": "toy",
        "model": "toy",
        "objective": "toy",
        "budget": {"trials": 40, "evaluations": 2},
        "batch_size": 16,
        "search": {"sampler": "random", "early_stopping": "none"},
        "space": {
            "method": {"choice": ["lora", "full"]},
            "lora.rank": {"int": [4, 4096], "when": {"method": "lora"}},
            "micro_batch_size": {"choice": [2, 8]},
        },
        **changes,
    }
    return SweepSpec.parse(tree)


def edit(changes=(), **point):
    return Edit(
        point={key.replace("__", "."): value for key, value in point.items()},
        changes=dict(changes),
        why="needs 9 of 8 GB",
    )


ROOM = {"micro_batch_size": 2}
EDITS = (
    edit(method="full", micro_batch_size=2),
    edit(method="full", micro_batch_size=8),
    edit(ROOM, method="lora", lora__rank=4096, micro_batch_size=8),
)


def test_an_option_that_never_fits_is_taken_out_of_the_space():
    left = edited(toy_spec(), EDITS)
    assert left.space["method"].domain.options == ("lora",)
    assert left.space["micro_batch_size"].domain.options == (2, 8)
    assert {point["method"] for point in combinations_of(left)} == {"lora"}


def test_a_sweep_of_which_nothing_fits_is_refused():
    spec = toy_spec(space={"method": {"choice": ["full"]}, "micro_batch_size": {"choice": [2, 8]}})
    with pytest.raises(SweepError, match="no trial of sweep 'toy' fits the GPU: needs 9 of 8 GB"):
        edited(spec, EDITS[:2])


@pytest.mark.parametrize(("rank", "changes"), [(4, None), (5, ROOM), (4096, ROOM)])
def test_a_number_within_a_range_has_the_edit_of_the_end_above_it(rank, changes):
    spec = toy_spec()
    params = {"method": "lora", "lora.rank": rank, "micro_batch_size": 8}
    found = Edits(EDITS, combinations_of(spec), 1).of(params, spec.trial.with_params(params))
    assert (found.changes if found else None) == changes


def test_the_searcher_never_draws_what_was_taken_out_and_says_what_was_given_room(tmp_path):
    spec = edited(toy_spec(), EDITS)
    repaired, drawn = [], []

    class Watcher:
        def suggested(self, number, params, config, *, repairs):
            drawn.append(params)
            repaired.append(dict(repairs))
            return ()

        def refused(self, number, params, config, why):
            raise AssertionError(why)

        def under_way(self):
            return 0

    searcher = OptunaSearcher(
        spec,
        StudyBook(open_study(spec, tmp_path / "journal"), spec.search),
        lambda number: tmp_path,
        Watcher(),
        edits=Edits(EDITS, combinations_of(spec), 1),
    )
    given = [searcher.suggest(str(n)) for n in range(40)]
    assert {params["method"] for params in drawn} == {"lora"}
    for params, repairs, suggestion in zip(drawn, repaired, given, strict=True):
        large = params["micro_batch_size"] == 8 and params["lora.rank"] > 4
        assert repairs == (ROOM if large else {})
        assert suggestion["config"].micro_batch_size == (2 if large else params["micro_batch_size"])
        assert suggestion["config"].batch_size == 16  # the result stays the same


OUT_IN_PART = (edit(method="full", micro_batch_size=8),)
"""Each option has combinations that fit."""


def drawn_where_some_are_out(folder, sampler, trials=14):
    """The params of trials that run, and of those refused; each ends as it is drawn."""
    spec = toy_spec(search={"sampler": sampler, "early_stopping": "none", "seed": 3})
    run, refused = [], []

    class Watcher:
        def suggested(self, number, params, config, *, repairs):
            run.append(params)
            value = params.get("lora.rank", 1.0) / 4096
            metrics = {"eval_loss": value}
            measured = Measurement(point=1, step=1, tokens=1, seconds=1.0, metrics=metrics)
            book.ended(ended_trial(number, TrialStatus.COMPLETE, params, measured))
            return ()

        def refused(self, number, params, config, why):
            refused.append(params)
            book.ended(ended_trial(number, TrialStatus.FAILED, params))

        def under_way(self):
            return 0

    book = StudyBook(open_study(spec, folder / "journal"), spec.search)
    searcher = OptunaSearcher(
        spec,
        book,
        lambda number: folder,
        Watcher(),
        edits=Edits(OUT_IN_PART, combinations_of(spec), 1),
    )
    while len(run) + len(refused) < trials:
        searcher.suggest("tune's name")
    return run, refused


def ended_trial(number, status, params, *measurements):
    return TrialRecord(
        sweep="toy", number=number, status=status, params=params, measurements=measurements
    )


def test_a_combination_that_is_taken_out_is_drawn_again_and_the_same_after_a_resume(tmp_path):
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    run, refused = drawn_where_some_are_out(tmp_path / "a", "tpe")
    assert refused == [] and len(run) == 14
    large = [params for params in run if params["micro_batch_size"] == 8]
    assert large and all(params["method"] == "lora" for params in large)
    assert any(params["method"] == "full" for params in run)
    assert drawn_where_some_are_out(tmp_path / "b", "tpe") == (run, refused)


def test_draws_of_one_sequence_are_not_repeated_but_refused(tmp_path):
    run, refused = drawn_where_some_are_out(tmp_path, "qmc")
    assert len(run) + len(refused) == 14
    assert refused and all(each == {"method": "full", "micro_batch_size": 8} for each in refused)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = tmp_path_factory.mktemp("edits")
    tree = {
        "name": "planned",
        "model": str(tiny.make_model(folder / "model")),
        "objective": "sft",
        "data": {"train": str(write_lines(folder / "rows.jsonl", ROWS)), "max_length": 32},
        "precision": "fp32",
        "batch_size": 16,
        "micro_batch_size": 16,
        "budget": {"trials": 4, "steps": 4, "evaluations": 1},
        "space": {
            "method": {"choice": ["lora", "full"]},
            "learning_rate": {"log_uniform": [1e-4, 1e-2]},
        },
    }
    spec = SweepSpec.parse(tree)
    return spec, inputs_of(spec.trial, Path(folder / "cache"), trains=False)


class Watching(View):
    """Keeps how far each phase got."""

    def __init__(self):
        self.shares = {}

    def at(self, phases):
        self.shares |= {each.text: each.share for each in phases}


def with_gpu(spec, memory):
    """The sweep on GPUs with so many bytes for tensors."""
    whole = (memory / 0.97 + 600 * 2**20) / 2**30
    return SweepSpec.parse({**spec.tree, "slots": {"gpu": f"{whole:.9f}GB"}})


def test_a_plan_with_too_little_room_gives_room_first_and_takes_out_last(real):
    spec, prepared = real
    plan = make_plan(spec, prepared, card_of(with_gpu(spec, 2**34), None))
    lora, full = (
        next(line for line in plan.lines if line.point["method"] == name)
        for name in ("lora", "full")
    )
    between = (lora.estimate.peak(4) + lora.estimate.peak(5)) // 2
    tight = with_gpu(spec, between)
    assert full.estimate.peak(1) < between < full.peak or full.estimate.peak(1) > between
    watching = Watching()
    edits = edits_for(tight, prepared, watching, None)
    assert watching.shares["planning memory"] == watching.shares["making room"] == 1.0
    by_method = {edit.point["method"]: edit for edit in edits}
    assert by_method["lora"].changes == {"micro_batch_size": 4}
    assert "micro_batch_size 16: micro_batch_size 4 (needs" in in_words(by_method["lora"])
    for edit in edits:
        assert edit.changes or edit.point["method"] == "full"


def test_an_edit_names_the_micro_batch_that_runs(real):
    """7 would fit, but do not divide a batch of 16, nor one of 24."""
    spec, prepared = real
    lora = {"method": "lora"}
    space = {"lora.rank": {"choice": [8]}, "micro_batch_size": {"choice": [16]}}
    only = {**spec.tree, "space": space, **lora}
    only = SweepSpec.parse({key: only[key] for key in only if key != "micro_batch_size"})
    (largest,) = make_plan(only, prepared, card_of(with_gpu(only, 2**34), None)).lines
    tight = with_gpu(only, (largest.estimate.peak(7) + largest.estimate.peak(8)) // 2)
    plan = fitting.plan_for(tight, prepared, View(), None)
    edits = edits_for(tight, prepared, View(), None)
    assert plan.misfits[0].estimate.largest_micro_batch(plan.room) == 7
    assert [edit.changes for edit in edits] == [{"micro_batch_size": 4}]
    assert plan.micro_batch_for_all == 4
    batches = {"choice": [16, 24]}
    space = {"lora.rank": {"choice": [8]}, "batch_size": batches}
    both = {**tight.tree, "space": space, "micro_batch_size": 8}
    both = SweepSpec.parse({key: both[key] for key in both if key != "batch_size"})
    edits = edits_for(both, prepared, View(), None)
    for size in batches["choice"]:  # one combination: each runs with what it names
        params = {"lora.rank": 8, "batch_size": size}
        found = Edits(edits, combinations_of(both), 1).of(params, both.trial.with_params(params))
        assert found.changes == {"micro_batch_size": 4} == edits[0].changes


@pytest.mark.parametrize(("batch", "micro"), [(16, 4), (15, 5), (6, None)])
def test_a_trial_of_another_batch_has_the_micro_batch_of_its_own(batch, micro):
    spec = toy_spec(space={"method": {"choice": ["lora"]}}, batch_size=batch, micro_batch_size=32)
    edits = (edit({"micro_batch_size": 7}, micro_batch_size=32),)
    found = Edits(edits, [{"micro_batch_size": 32}], 1).of({}, spec.trial)
    assert (found.changes["micro_batch_size"] if found else None) == micro


def test_what_fits_needs_no_edit(real):
    spec, prepared = real
    assert edits_for(with_gpu(spec, 2**34), prepared, View(), None) == ()
    assert edits_for(spec, prepared, View(), "auto") == ()  # the cluster's GPUs are unknown


SMALL_BUCKETS = {"reduce_bucket_size": 1000, "allgather_bucket_size": 1000}


def with_slots(spec, memory, **slots):
    """The sweep of full fine-tuning alone, in such slots of GPUs with so many bytes for tensors."""
    whole = {**with_gpu(spec, memory).tree["slots"], "gpus": 1, **slots}
    space = {**spec.tree["space"], "method": {"choice": ["full"]}}
    return SweepSpec.parse({**spec.tree, "space": space, "slots": whole})


@pytest.fixture(scope="module")
def planner(real):
    """One for all that trains alike."""
    return Planner(real[1].inputs)


def least_peak(spec, planner, stage, workers):
    """The bytes that full fine-tuning needs at least with gradient checkpointing."""
    engine = {**SMALL_BUCKETS, "zero_stage": stage}
    config = with_slots(spec, 2**34, workers=workers, deepspeed=engine).trial
    config = config.with_params({"method": "full", "gradient_checkpointing": True})
    return planner.estimate(config, workers).peak(1)


def test_a_slot_of_several_workers_gives_room_by_a_higher_zero_stage(real, planner):
    spec, prepared = real
    least = [least_peak(spec, planner, stage, 2) for stage in range(3)]
    assert least[2] <= least[1] < least[0]
    engine = {**SMALL_BUCKETS, "zero_stage": 0}
    tight = with_slots(spec, (least[0] + least[1]) // 2, workers=2, deepspeed=engine)
    (found,) = edits_for(tight, prepared, View(), None)
    assert found.changes.pop("micro_batch_size") <= 8
    assert found.changes == {"gradient_checkpointing": 1, "deepspeed.zero_stage": 1}
    assert "gradient_checkpointing true and deepspeed.zero_stage 1 (needs" in in_words(found)
    assert tight.trial.with_params(found.changes).deepspeed.zero_stage == 1


def test_a_zero_stage_in_the_users_own_json_stays(real, planner):
    spec, prepared = real
    least = [least_peak(spec, planner, stage, 2) for stage in range(2)]
    engine = {"config": {"zero_optimization": {"stage": 0}}}
    tight = with_slots(spec, sum(least) // 2, workers=2, deepspeed=engine)
    (found,) = edits_for(tight, prepared, View(), None)
    assert not found.changes


def test_slots_are_given_more_workers_before_anything_is_taken_out(real, planner):
    spec, prepared = real
    alone, shared = (least_peak(spec, planner, 2, workers) for workers in (1, 2))
    engine = {**SMALL_BUCKETS, "zero_stage": 2}
    room = (alone + shared) // 2
    tight = with_slots(spec, room, count=4, deepspeed=engine)
    more, *others = edits_for(tight, prepared, View(), None)
    assert more.changes == {"slots.workers": 2}
    assert in_words(more).startswith("all trials: slots.workers 2 (method full")
    assert all(edit.changes for edit in others)
    given = edited(tight, (more, *others))
    assert (given.slots.workers, given.slots.count) == (2, 2)  # as many GPUs as before
    params = {"method": "full"}
    trial = given.trial.with_params(params)
    assert Edits((more, *others), combinations_of(given), 2).of(params, trial) in others
    stored = SweepSpec.parse(given.tree)  # as a resume reads it
    assert edited(stored, (more, *others)).slots == given.slots


@pytest.mark.parametrize(
    "changes",
    [
        {"slots": {"count": 1}},  # no more GPUs
        {"slots": {"count": 4, "lanes": 2}},
        {"batch_size": 15, "micro_batch_size": 15},  # does not divide
    ],
)
def test_slots_that_cannot_have_more_workers_keep_theirs(real, planner, changes):
    spec, prepared = real
    alone, shared = (least_peak(spec, planner, 2, workers) for workers in (1, 2))
    engine = {"deepspeed": {**SMALL_BUCKETS, "zero_stage": 2}, "count": 4}
    slots = {
        **(engine if "lanes" not in changes.get("slots", {}) else {}),
        **changes.get("slots", {}),
    }
    other = SweepSpec.parse({**spec.tree, **{k: v for k, v in changes.items() if k != "slots"}})
    tight = with_slots(other, (alone + shared) // 2, **slots)
    edits = edits_for(tight, prepared, View(), None)
    assert edits and all("slots.workers" not in edit.changes for edit in edits)
