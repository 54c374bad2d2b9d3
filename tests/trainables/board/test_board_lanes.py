"""Several trials of one kind in a slot: who is taken, who is passed over, who goes on alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from boards import in_a_loop

from trainables.board import retries
from trainables.board.board import Board
from trainables.board.job import Job, JobKind
from trainables.board.job_queue import MOST_PASSED
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Ending, Outcome
from trainables.lanes.kind import kind_of, why_alone
from trainables.lanes.limits import LaneLimits

CONFIG = TrialConfig(model="m", data={"train": "f"}, precision="fp32")
KIND = kind_of(CONFIG)


@pytest.fixture(autouse=True)
def verdicts_soon(monkeypatch):
    monkeypatch.setattr(retries, "LOOK_EVERY", 0.005)


def job(trial_id, kind=JobKind.TRAIN, **params):
    named = {name.replace("__", "."): value for name, value in params.items()}
    return Job(trial_id, CONFIG.with_params(named), Path("/nowhere"), kind)


async def board_with(*jobs, retries=1):
    board = Board({"eval_loss": "min"}, retries)
    life = await board.hello("slot", "CPU", ["here"])
    for each in jobs:
        await board.submit(each)
    return board, life


async def filled(board, life):
    """The trials that free lanes of the slot get, until there is none."""
    taken = []
    while (found := await board.take_like("slot", life, KIND)) is not None:
        taken.append(found.trial_id)
    return taken


@in_a_loop
async def test_free_lanes_get_trials_of_their_kind_in_order_and_no_others():
    others = {
        "full": {"method": "full"},
        "bf16": {"precision": "bf16"},
        "dora": {"lora__dora": True},
        "neftune": {"neftune_noise": 5.0},
        "checkpointed": {"gradient_checkpointing": True},
    }
    like = {
        "0": {},
        "1": {"lora__rank": 64, "lora__dropout": 0.1, "batch_size": 3, "schedule": "wsd"},
        "2": {"optimizer__name": "sgd", "lora__target_modules": "attention", "seed": 7},
    }
    jobs = [job(name, **params) for name, params in (others | like).items()]
    board, life = await board_with(*jobs, job("base", JobKind.MEASURE_BASE))
    assert await filled(board, life) == ["0", "1", "2"]
    assert (await board.take("slot", life, 1.0)).trial_id == "full"


@in_a_loop
async def test_a_trial_that_needs_a_slot_to_itself_is_not_passed_over_for_ever():
    board, life = await board_with(job("full", method="full"), *(job(str(n)) for n in range(99)))
    assert len(await filled(board, life)) == MOST_PASSED
    assert (await board.take("slot", life, 1.0)).trial_id == "full"
    assert len(await filled(board, life)) == 99 - MOST_PASSED


@in_a_loop
async def test_after_a_slots_death_its_trials_go_on_alone_and_only_the_killer_loses_a_try():
    board, life = await board_with(job("0"), job("1"), job("2"), retries=0)
    first = await board.take("slot", life, 1.0)
    assert not first.alone
    assert await filled(board, life) == ["1", "2"]

    life = await board.hello("slot", "CPU", ["here"])  # it died
    assert await filled(board, life) == []
    for name in ("0", "1"):
        again = await board.take("slot", life, 1.0)
        assert again.trial_id == name and again.alone
        if name == "0":
            await board.ended("0", Outcome(Ending.COMPLETE))
    await board.lost("slot")  # trial 1 was there by itself: it is the killer
    assert (await board.event("1", 0)).ending is Ending.FAILED
    life = await board.hello("slot", "CPU", ["here"])
    last = await board.take("slot", life, 1.0)
    assert last.trial_id == "2" and last.alone


@in_a_loop
async def test_the_trials_that_a_restart_interrupted_are_counted_once():
    board, life = await board_with(job("0"), job("1"), retries=1)
    await board.take("slot", life, 1.0)
    await filled(board, life)
    await board.lost("slot")
    told = []
    for _ in range(2):  # the second time nothing ran there: its memory had grown, say
        life = await board.hello("slot", "CPU", ["here"])
        told.append((await board.overview())[0].sent_back)
    assert told == [2, 0]


@in_a_loop
async def test_a_trial_that_had_its_slot_to_itself_is_tried_again_beside_those_that_waited():
    board, life = await board_with(job("0"), job("1"), job("2"), retries=1)
    await board.take("slot", life, 1.0)  # and dies while it loads the base
    life = await board.hello("slot", "CPU", ["here"])
    assert not (await board.take("slot", life, 1.0)).alone
    assert await filled(board, life) == ["1", "2"]
    for name, attempts in (("0", 2), ("1", 1), ("2", 1)):
        await board.ended(name, Outcome(Ending.COMPLETE))
        assert (await board.event(name, 0)).attempt.number == attempts


@in_a_loop
async def test_a_trial_that_is_sent_back_waits_for_a_slot_of_its_own():
    board, life = await board_with(job("0"), job("1"))
    await board.take("slot", life, 1.0)
    assert await filled(board, life) == ["1"]
    await board.send_back("1")
    assert await filled(board, life) == []
    assert (await board.take("slot", life, 1.0)).alone


@in_a_loop
async def test_a_trial_that_was_cancelled_in_its_lane_does_not_come_back():
    board, life = await board_with(job("0"), job("1"))
    await board.take("slot", life, 1.0)
    await filled(board, life)
    await board.cancel("1")
    await board.send_back("1")
    assert (await board.event("1", 0)).ending is Ending.STOPPED


@in_a_loop
async def test_all_lanes_of_a_slot_are_seen():
    board, life = await board_with(job("0"), job("1"))
    await board.take("slot", life, 1.0)
    await filled(board, life)
    (state,) = await board.overview()
    assert [state.job, *(lane.job for lane in state.beside)] == ["0", "1"]


@in_a_loop
async def test_a_slot_counts_as_one_lane_until_it_has_found_how_many():
    board, _ = await board_with()
    assert await board.lanes() == 1
    await board.hello("other", "CPU", ["here"])
    await board.limit_lanes("slot", "lora", LaneLimits(fit=40, pay=8, tokens=4096))
    assert await board.lanes() == 8 + 1
    assert [state.limits and state.limits.lanes for state in await board.overview()] == [8, None]
    await board.lost("other")
    assert await board.lanes() == 8


@in_a_loop
async def test_the_lanes_found_first_count_for_all_slots_on_such_a_device():
    board, _ = await board_with()
    for name, device in (("like", "CPU"), ("other", "GPU")):
        await board.hello(name, device, ["here"])
    assert await board.lane_limits("like", "lora") is None
    first, later = LaneLimits(40, 8, 4096, 2.0), LaneLimits(30, 4)
    assert await board.limit_lanes("slot", "lora", first) == first
    assert await board.limit_lanes("like", "lora", later) == first
    assert await board.lane_limits("like", "lora") == first
    assert await board.lane_limits("like", "qlora") is None
    assert await board.lane_limits("other", "lora") is None
    assert await board.lanes() == 8 + 8 + 1

    again = Board({"eval_loss": "min"})
    await again.know_lanes(await board.lanes_found())
    await again.hello("slot", "CPU", ["here"])
    assert await again.lane_limits("slot", "lora") == first
    assert await again.lanes() == 8


@in_a_loop
async def test_a_number_that_was_not_tried_gives_way_to_one_that_was():
    board, _ = await board_with()
    untried, found = LaneLimits(1, 1, untried="few passes"), LaneLimits(40, 8)
    assert await board.limit_lanes("slot", "lora", untried) == untried
    assert await board.lanes() == 1
    assert await board.limit_lanes("slot", "lora", found) == found
    assert await board.limit_lanes("slot", "lora", untried) == found
    assert await board.lanes() == 8


def test_unlike_kinds_have_unlike_names_on_record():
    unlike = [
        CONFIG,
        job("0", method="qlora").config,
        job("0", method="qlora", quantization__type="fp4").config,
        job("0", model="other, revision None").config,
        job("0", model_revision="None").config,
        job("0", objective="orpo").config,
        job("0", precision="bf16" if CONFIG.precision == "fp32" else "fp32").config,
        job("0", attention="eager").config,
        job("0", gradient_checkpointing=True).config,
        job("0", label_smoothing=0.1).config,
        job("0", data__packing=True).config,
    ]
    assert len({kind_of(each) for each in unlike}) == len(unlike)
    assert len({str(kind_of(each)) for each in unlike}) == len(unlike)
    like = kind_of(job("0", lora__rank=16, learning_rate=0.1).config)
    assert like == KIND and str(like) == str(KIND)
    assert str(KIND).startswith(f"objective {CONFIG.objective}, precision {CONFIG.precision}, ")


@in_a_loop
async def test_a_closed_board_and_a_dead_slot_get_no_trial():
    board, life = await board_with(job("0"))
    assert await board.take_like("slot", life - 1, KIND) is None
    await board.close("over")
    assert await board.take_like("slot", life, KIND) is None


def test_each_reason_for_training_alone_is_said():
    reasons = {
        "method": {"method": "full"},
        "objective": {"objective": "kto"},
        "DeepSpeed": {"deepspeed": {"zero_stage": 2}},
        "lora.dora": {"lora__dora": True},
        "pissa": {"lora__init": "pissa"},
        "neftune_noise": {"neftune_noise": 5.0},
        "fp16": {"precision": "fp16"},
        "compile": {"compile": True},
    }
    for word, params in reasons.items():
        assert word in (why_alone(job("0", **params).config) or ""), word
    assert why_alone(CONFIG) is None
    assert why_alone(job("0", method="qlora").config) is None
