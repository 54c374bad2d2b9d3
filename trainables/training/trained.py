"""Trials that train: set up on the shared base, trained, and taken apart again."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from peft import PeftModel
from transformers import PreTrainedModel, set_seed

from trainables.config.lengths import refuse_length
from trainables.config.trial import TrialConfig
from trainables.core import ranks
from trainables.core.errors import RefusedError
from trainables.core.evaluation import DivergedError, Ending, Monitor, Outcome
from trainables.core.progress import STEP
from trainables.losses.policy import PolicyLoss
from trainables.models import tuned
from trainables.models.compiled import compile_blocks, uncompile
from trainables.models.fit import misfits
from trainables.training.base import borrows_in_place, is_scattered
from trainables.training.checkpoints import Checkpoints
from trainables.training.memory import release_memory
from trainables.training.pages import release_pages
from trainables.training.plan import Plan
from trainables.training.refusing import refuse, refuse_engine
from trainables.training.rollouts.rollouts import Rollouts
from trainables.training.run import Run
from trainables.training.trainer import (
    TrialTrainer,
    dismantle,
    engine_settings,
    make_trainer,
    reset_process_state,
)
from trainables.training.zero.scatter import scatter

if TYPE_CHECKING:
    from trainables.training.workshop import Workshop


def train(
    workshop: Workshop, config: TrialConfig, monitor: Monitor, checkpoints: Checkpoints
) -> Outcome:
    """Train a trial that trains something, from its last checkpoint if there is one.

    The base is afterwards as it was. RefusedError if the trial's settings do not work.
    """
    # Objects from before the trial outlive it. Scanning them in each of the trainer's garbage
    # collections would take a good part of a small trial's time.
    gc.freeze()
    run, trainer = _set_up(workshop, config, monitor, checkpoints)
    model = trainer.model
    try:
        left = checkpoints.latest(before=run.horizon())
        if left:
            run.go_on_from(left)
            if run.rollouts is not None:
                run.rollouts.load(checkpoints.path(left))
        with workshop.progress.phase("training", run.steps, STEP) as run.gauge:
            trainer.train(resume_from_checkpoint=str(checkpoints.path(left)) if left else None)
        return Outcome(ending=run.ending, cost=run.cost())
    except DivergedError as error:
        return Outcome(ending=Ending.DIVERGED, cost=run.cost(), error=str(error))
    finally:
        dismantle(trainer)
        workshop.references.held.close()
        run.trainer = run.rollouts = None
        uncompile(model)
        if borrows_in_place(config):
            tuned.detach(model).requires_grad_(False)
        del model, trainer, run
        release_pages()
        release_memory()


def _set_up(
    workshop: Workshop, config: TrialConfig, monitor: Monitor, checkpoints: Checkpoints
) -> tuple[Run, TrialTrainer]:
    refuse(config)
    refuse_engine(config)
    refuse_length(config, workshop.context, workshop.longest_of(config))
    try:
        plan = workshop.plan(config, ranks.world_size())
        workshop.know_base(config)
        return _put_together(workshop, config, plan, monitor, checkpoints)
    except ValueError as error:
        raise RefusedError(str(error)) from error


def _put_together(
    workshop: Workshop, config: TrialConfig, plan: Plan, monitor: Monitor, checkpoints: Checkpoints
) -> tuple[Run, TrialTrainer]:
    model: PreTrainedModel | PeftModel = workshop.lend(config)
    for problem in misfits(model, config):
        raise RefusedError(str(problem))
    # Loading draws random numbers (new token rows, a head on a GPU); a warm base does not.
    set_seed(config.seed % 2**32)
    try:
        model = tuned.attach(model, config, workshop.inputs.new_tokens)
        if config.compile:
            compile_blocks(model)
        if is_scattered(config):
            scatter(model, engine_settings(config, plan), workshop.device)
        loss = workshop.loss(config, model)
        run = Run(workshop, config, plan, model, loss, monitor, checkpoints)
        learned = workshop.learned(config)
        run.trainer = trainer = make_trainer(
            config, plan, model, loss, learned, workshop.pad_id, run
        )
        if isinstance(loss, PolicyLoss):
            made = Rollouts(workshop, config, plan, model, loss, workshop.references)
            run.rollouts = trainer.rollouts = made
    except BaseException:
        workshop.references.held.close()
        uncompile(model)
        workshop.take_back(config, model)
        reset_process_state()
        raise
    return run, run.trainer
