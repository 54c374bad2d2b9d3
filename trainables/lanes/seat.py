"""From a trial that asks for a lane to the lane, ready for its first tick."""

from __future__ import annotations

from transformers import PreTrainedModel, set_seed

from trainables.core.errors import RefusedError
from trainables.lanes.adapter import Adapter
from trainables.lanes.bank import Bank
from trainables.lanes.clock import Clock
from trainables.lanes.lane import Entry, Lane, make_optimizer
from trainables.lanes.lane_run import LaneRun
from trainables.lanes.rowwise import Rowwise
from trainables.losses.loss import RowLoss
from trainables.methods.lora import LoraConfig
from trainables.models import tuned
from trainables.models.fit import misfits
from trainables.training.plan import Plan
from trainables.training.refusing import refuse
from trainables.training.workshop import Workshop


class AloneError(Exception):
    """Why a trial's adapter cannot share this base."""


def seated(
    workshop: Workshop, base: PreTrainedModel, bank: Bank, known: Rowwise, entry: Entry
) -> Lane:
    """The trial in a lane, at its last checkpoint if there is one. The base is left as it was.

    RefusedError if its settings do not work, AloneError if its adapter cannot share the base.
    """
    clock = Clock()
    with clock.running():
        refuse(entry.config)
        try:
            plan = workshop.plan(entry.config, 1)
            workshop.know_base(entry.config)
            lane = _attached(workshop, base, bank, known, entry, plan, clock)
        except ValueError as error:
            raise RefusedError(str(error)) from error
        lane.begin(entry.checkpoints.latest(before=lane.run.horizon()))
    return lane


def _attached(
    workshop: Workshop,
    base: PreTrainedModel,
    bank: Bank,
    known: Rowwise,
    entry: Entry,
    plan: Plan,
    clock: Clock,
) -> Lane:
    config = entry.config
    for problem in misfits(base, config):
        raise RefusedError(str(problem))
    # As for a trial alone: PEFT's own initialisation, under the trial's seed.
    set_seed(config.seed % 2**32)
    model = base
    try:
        model = tuned.attach(base, config)
        adapter = Adapter.of(model, config.settings(LoraConfig).dropout)
        if why := known.why_alone(adapter, _asked_apart(base)):
            raise AloneError(why)
        loss = workshop.loss(config, base, bank.resting)
        assert isinstance(loss, RowLoss), "other objectives train alone"
        monitor, checkpoints = entry.monitor, entry.checkpoints
        run = LaneRun(
            workshop, config, plan, model, loss, monitor, checkpoints, adapter, clock, bank
        )
        made = make_optimizer(model, config)
    except BaseException:
        workshop.take_back(config, model)
        raise
    run.shares(tuned.detach(model).requires_grad_(False))
    return Lane(entry, plan, workshop.learned(config), loss, adapter, made, run, clock)


def _asked_apart(base: PreTrainedModel) -> list[str]:
    """A vocabulary's head gets the targets of all rows at once."""
    head = base.get_output_embeddings()
    return [name for name, module in base.named_modules() if module is head]
