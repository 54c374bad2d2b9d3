"""Trains one trial in this process, on the ranks it finds. Knows nothing of Ray.

    workshop = Workshop(inputs)
    outcome = workshop.train(config, monitor)

A workshop keeps what is dear to set up (base model, data) from trial to trial, and every trial
leaves it as it was.
"""

from __future__ import annotations

import gc
import math
import os
import shutil
import time
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from accelerate import PartialState
from accelerate.state import AcceleratorState
from transformers import AutoTokenizer, TrainerCallback, set_seed
from transformers.integrations.deepspeed import unset_hf_deepspeed_config
from transformers.integrations.neftune import deactivate_neftune

from trainables import methods, ranks
from trainables.base import (
    BaseModel,
    Head,
    Loading,
    autocast_dtype,
    borrows_in_place,
    loading_of,
)
from trainables.config import TrialConfig
from trainables.data.examples import Examples
from trainables.errors import RefusedError
from trainables.evaluation import (
    Cost,
    DivergedError,
    Ending,
    Evaluation,
    Monitor,
    Outcome,
    Verdict,
)
from trainables.inputs import Inputs
from trainables.objectives.make import make_objective
from trainables.objectives.objective import Batch, Objective, Scores, measure
from trainables.objectives.tokens import logits_of
from trainables.plan import Plan, make_plan
from trainables.reference import Reference, ReferenceMemo, as_untouched
from trainables.trainer import TrialTrainer, make_trainer


class Workshop:
    """The warm part of a process that trains trials: one base model, one data set."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs
        self.device = _device()
        self.train_set = Examples(inputs.train)
        self.validation_set = Examples(inputs.validation, first_place=len(self.train_set))
        self.pad_id = _pad_id(self.tokenizer)
        head = Head(inputs.labels, self.pad_id) if inputs.labels else None
        self._base = BaseModel(inputs.model, inputs.model_revision, self.device, head)
        self._memos: dict[Loading, ReferenceMemo] = {}
        # What is imported by now stays for good. Looking at it again and again in each collection
        # would take longer than a small trial.
        gc.collect()
        gc.freeze()

    @cached_property
    def tokenizer(self) -> Any:
        """The base model's tokenizer, which is saved beside every winner."""
        return AutoTokenizer.from_pretrained(self.inputs.model, revision=self.inputs.model_revision)

    def measure_base(self, config: TrialConfig, losses: Path | None = None) -> Evaluation:
        """The untouched base model on the validation set, as evaluation point 0.

        The loss of each sequence goes to the file `losses`, if one is given.
        """
        began = time.monotonic()
        # The base is its own reference. Measured in the same batches the two are exactly alike;
        # with answers known from other batches, rounding would decide which pairs it wins.
        self._memos.clear()
        model = self._base.lend(config)
        scores = self.score(config, self.objective(config, model), model)
        if losses is not None and ranks.rank() == 0:
            _write_losses(scores, losses)
        cost = Cost(seconds=time.monotonic() - began, peak_memory_bytes=_memory(self.device))
        return Evaluation(point=0, step=0, metrics=scores.metrics, cost=cost)

    def score(self, config: TrialConfig, objective: Objective, model: torch.nn.Module) -> Scores:
        """Measure a model on the validation set."""
        return measure(
            objective,
            model,
            self.validation_set,
            config.micro_batch_size,
            self.pad_id,
            self.device,
            autocast_dtype(config),
        )

    def objective(self, config: TrialConfig, model: torch.nn.Module) -> Objective:
        """What `config` minimises in `model`, which is the shared base or made of a copy of it."""
        classes = len(self.inputs.labels)
        return make_objective(
            config, self.train_set, classes, lambda: self._reference(config, model)
        )

    def train(self, config: TrialConfig, monitor: Monitor) -> Outcome:
        """Train one trial to its end; RefusedError where its settings do not work.

        Errors other than divergence are the caller's to judge.
        """
        run, trainer = self._set_up(config, monitor)
        model = trainer.model
        try:
            trainer.train()
            return Outcome(ending=run.ending, cost=run.cost())
        except DivergedError as error:
            return Outcome(ending=Ending.DIVERGED, cost=run.cost(), error=str(error))
        finally:
            _dismantle(trainer)
            run.trainer = None
            if borrows_in_place(config):
                methods.detach(model).requires_grad_(False)
            del model, trainer, run
            _release_memory()

    def _reference(self, config: TrialConfig, model: torch.nn.Module) -> Reference:
        """The base's answers, by `model` with its adapter off, or by the base itself."""
        count = len(self.train_set) + len(self.validation_set)
        memo = self._memos.setdefault(
            loading_of(config), ReferenceMemo(count, self.train_set.arity)
        )
        base = model if borrows_in_place(config) else self._base.shared(config)
        dtype = autocast_dtype(config)

        def untouched(batch: Batch) -> torch.Tensor:
            enabled = dtype is not None
            with as_untouched(base), torch.autocast(self.device.type, dtype, enabled=enabled):
                return logits_of(base, batch)

        return Reference(memo, untouched)

    def _set_up(self, config: TrialConfig, monitor: Monitor) -> tuple[_Run, TrialTrainer]:
        set_seed(config.seed % 2**32)
        try:
            plan = make_plan(config, self.train_set.lengths, ranks.world_size())
            model = methods.attach(self._base.lend(config), config)
            objective = self.objective(config, model)
            run = _Run(self, config, plan, model, objective, monitor)
            run.trainer = make_trainer(
                config, plan, model, objective, self.train_set, self.pad_id, run
            )
        except BaseException as error:
            # The adapters may be half on. The next trial gets a base that is loaded anew.
            self._base.forget()
            _reset_process_state()
            if isinstance(error, ValueError):
                raise RefusedError(str(error)) from error
            raise
        return run, run.trainer


class _Run(TrainerCallback):
    """One trial under way: watches each step, measures at the evaluation points."""

    def __init__(
        self,
        workshop: Workshop,
        config: TrialConfig,
        plan: Plan,
        model: torch.nn.Module,
        objective: Objective,
        monitor: Monitor,
    ) -> None:
        self.trainer: TrialTrainer | None = None
        self.ending = Ending.COMPLETE
        self._workshop = workshop
        self._config = config
        self._plan = plan
        self._model = model
        self._objective = objective
        self._monitor = monitor
        self._began = time.monotonic()
        self._step = 0
        self._peak = 0
        self._parameters = methods.parameter_counts(model)
        if workshop.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(workshop.device)

    def cost(self) -> Cost:
        """What the trial has used up to now."""
        self._peak = max(self._peak, _memory(self._workshop.device))
        trainable, total = self._parameters
        return Cost(
            seconds=time.monotonic() - self._began,
            tokens=int(self._plan.tokens_after[self._step]),
            peak_memory_bytes=self._peak,
            trainable_parameters=trainable,
            total_parameters=total,
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """After each optimizer step: all ranks agree whether the trial goes on."""
        assert self.trainer is not None, "the trainer is set before training starts"
        self._step = int(state.global_step)
        asked = ranks.rank() == 0 and self._monitor.stop_requested()
        bad = not self.trainer.loss_is_finite()
        asked, bad = ranks.any_rank(asked, bad, device=self._workshop.device)
        if bad:
            raise DivergedError(f"the training loss is not finite at step {self._step}")
        if asked or not self._measure_due_points():
            self.ending = Ending.STOPPED
            control.should_training_stop = True
        return control

    def _measure_due_points(self) -> bool:
        """Measure if this step holds evaluation points; whether the trial may go on."""
        points = self._plan.points_at(self._step)
        if not points:
            return True
        scores = self._score()
        verdicts = [self._report(point, scores) for point in points]
        return all(verdicts)

    def _score(self) -> Scores:
        scores = self._workshop.score(self._config, self._objective, self._model)
        if not math.isfinite(scores.metrics["eval_loss"]):
            raise DivergedError(f"the evaluation loss is not finite at step {self._step}")
        return scores

    def _report(self, point: int, scores: Scores) -> bool:
        verdict: Verdict | None = None
        if ranks.rank() == 0:
            evaluation = Evaluation(point, self._step, scores.metrics, self.cost())
            verdict = self._monitor.evaluated(evaluation)
        verdict = ranks.from_rank_zero(verdict)
        if verdict.losses is not None and ranks.rank() == 0:
            _write_losses(scores, verdict.losses)
        if verdict.weights is not None:
            self._write_weights(verdict.weights)
        last = point == len(self._plan.evaluation_steps)
        return verdict.go_on or last

    def _write_weights(self, folder: Path) -> None:
        """Write the trained part; the folder appears whole or not at all."""
        state = self._gathered_state()
        if ranks.rank() != 0:
            return
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        methods.save(self._model, partial, state)
        self._workshop.tokenizer.save_pretrained(partial)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)

    def _gathered_state(self) -> dict[str, torch.Tensor] | None:
        if self._config.deepspeed is None or self._config.deepspeed.zero_stage < 3:
            return None
        assert self.trainer is not None
        state: dict[str, torch.Tensor] = self.trainer.accelerator.get_state_dict(
            self.trainer.model_wrapped
        )
        return state


def _device() -> torch.device:
    if not torch.cuda.is_available():
        return torch.device("cpu")
    # Workers of a slot on one node see all of the slot's GPUs, and are told which is theirs.
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return device


def _write_losses(scores: Scores, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, loss_sums=scores.losses, token_counts=scores.counts.astype(np.int64))


def _pad_id(tokenizer: Any) -> int:
    """Which token fills up short sequences; it is masked, so any will do where none is named."""
    for candidate in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if candidate is not None:
            return int(candidate)
    return 0


def _memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return int(psutil.Process().memory_info().rss)


def _dismantle(trainer: TrialTrainer) -> None:
    """Take the engine apart and let go of the process-wide state that accelerate keeps."""
    if trainer.deepspeed is not None:
        from trainables.deepspeed_engine import dismantle

        dismantle(trainer.deepspeed)
    if hasattr(trainer, "neftune_hook_handle"):
        # The trainer itself takes its noise off the embeddings only at a regular end.
        deactivate_neftune(trainer.model, trainer.neftune_hook_handle, trainer.accelerator)
    trainer.accelerator.free_memory()
    trainer.callback_handler.callbacks.clear()
    trainer.model = trainer.model_wrapped = trainer.optimizer = trainer.lr_scheduler = None
    _reset_process_state()


def _reset_process_state() -> None:
    unset_hf_deepspeed_config()
    # Accelerate sets it at a trial with DeepSpeed, and would give every later trial an engine too.
    os.environ.pop("ACCELERATE_USE_DEEPSPEED", None)
    AcceleratorState._reset_state()
    PartialState._reset_state()


def _release_memory() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
