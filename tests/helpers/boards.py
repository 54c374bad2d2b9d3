"""Boards without an actor, asked in an event loop of the test's own."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from pathlib import Path

from trainables.board.board import Board
from trainables.board.job import Job, JobKind
from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Ending, Evaluation, Outcome

TOY = TrialConfig(model="toy", objective="toy")
SOON = 0.01
PATIENCE = 60.0
COMPLETE = Outcome(Ending.COMPLETE)


def job(trial_id, kind=JobKind.TRAIN):
    return Job(str(trial_id), TOY, Path("unused"), kind)


def loss(point, value):
    return Evaluation(point, 10 * point, {"eval_loss": value})


def in_a_loop(test):
    """Run an async test without a plugin."""

    def run(*args, **kwargs):
        return asyncio.run(asyncio.wait_for(test(*args, **kwargs), PATIENCE))

    return functools.wraps(test)(run)


async def board_with(*trial_ids, retries=1, taken_by=None):
    """A board in "min" with these jobs; the slot, if one is named, takes all of them."""
    board = Board({"eval_loss": "min"}, retries)
    for trial_id in trial_ids:
        await board.submit(job(trial_id))
        if taken_by:
            await take(board, taken_by)
    return board


def take(board, slot, patience=PATIENCE):
    """The next job for a slot in its present life."""
    return board.take(slot, board._slots.starts[slot], patience)


def hear(board, trial_id):
    """What a client hears of a trial after all that it has heard."""
    heard = vars(board).setdefault("heard", Counter())
    heard[trial_id] += 1
    return board.event(trial_id, heard[trial_id] - 1)


async def nothing_comes(board, trial_id):
    try:
        event = await asyncio.wait_for(hear(board, trial_id), SOON)
    except TimeoutError:
        return True
    raise AssertionError(f"{event} came")
