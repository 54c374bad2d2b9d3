"""One trial in progress: watches each step, measures and reports at the evaluation points."""

from __future__ import annotations

import math
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import psutil
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState

from trainables.config.trial import TrialConfig
from trainables.core import ranks
from trainables.core.evaluation import (
    AnswersCost,
    Cost,
    DivergedError,
    Ending,
    Evaluation,
    Monitor,
    Verdict,
)
from trainables.core.progress import NO_GAUGE, Gauge
from trainables.losses.loss import Floats, Loss, Scores
from trainables.metrics.metric import COLUMN
from trainables.models import tuned
from trainables.training.checkpoints import Checkpoint, Checkpoints
from trainables.training.generation.files import write_answers
from trainables.training.kernels import kernels
from trainables.training.plan import Plan
from trainables.training.rollouts.rollouts import Rollouts
from trainables.training.signals import Heard, Signals

if TYPE_CHECKING:
    from trainables.training.workshop import Workshop


class Training(Protocol):
    """What trains a trial, as its run sees it."""

    def diverged(self) -> torch.Tensor:
        """Whether any loss so far was not finite; stays on the device."""
        ...

    def write_checkpoint(self, folder: Path) -> None:
        """Write `checkpoint-STEP` in `folder`, complete for resuming."""
        ...

    def gathered_state(self) -> dict[str, torch.Tensor] | None:
        """The weights of which each rank holds only a share; None if each holds them whole."""
        ...


class Run(TrainerCallback):
    """The trainer's callback of one trial, on each of its ranks."""

    def __init__(
        self,
        workshop: Workshop,
        config: TrialConfig,
        plan: Plan,
        model: torch.nn.Module,
        loss: Loss,
        monitor: Monitor,
        checkpoints: Checkpoints,
    ) -> None:
        self.trainer: Training | None = None
        self.rollouts: Rollouts | None = None
        self.ending = Ending.COMPLETE
        self.gauge: Gauge = NO_GAUGE
        self._workshop = workshop
        self._config = config
        self._plan = plan
        self._model = model
        self._loss = loss
        self._monitor = monitor
        self._checkpoints = checkpoints
        self._signals = Signals(workshop.device)
        self._began = time.monotonic()
        self._step = 0
        self._kept_at = 0
        self._peak = 0
        self._lanes = 1
        self._shared = 0, 0.0
        self._for_answers = AnswersCost()
        self._best_has_answers = False
        self._known: Floats | None = None
        self._parameters = tuned.parameter_counts(model)
        self._kernels = kernels(config, model, loss)
        if workshop.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(workshop.device)

    @property
    def steps(self) -> int:
        """The number of optimizer steps of the whole trial."""
        return self._plan.steps

    def horizon(self) -> float:
        """The step of the first evaluation that is not on record.

        Training from there on is lost if the head was lost before it wrote its records.
        """
        heard, steps = self._monitor.heard(), list(self._plan.points)
        return float("inf") if heard is None or heard >= len(steps) else steps[heard]

    def go_on_from(self, checkpoint: Checkpoint) -> None:
        """Note that the trial has been trained up to here before."""
        self._step = checkpoint.step
        self._began -= checkpoint.seconds
        self._peak = checkpoint.peak_memory_bytes
        self._lanes = checkpoint.lanes
        self._shared = checkpoint.shared_steps, checkpoint.shared_seconds
        self._for_answers = AnswersCost(
            checkpoint.generation_seconds, checkpoint.judge_tokens, checkpoint.judge_dollars
        )
        self._best_has_answers = checkpoint.best_has_answers

    def cost(self) -> Cost:
        """The trial's usage so far."""
        self._peak = max(self._peak, peak_memory(self._workshop.device))
        trainable, total = self._parameters
        judged = self.rollouts.judged if self.rollouts else AnswersCost()
        shared_steps, shared_seconds = self._shared
        return Cost(
            seconds=self._seconds(),
            tokens=self._tokens(),
            peak_memory_bytes=self._peak,
            trainable_parameters=trainable,
            total_parameters=total,
            kernels=self._kernels,
            lanes=self._lanes,
            shared_steps=shared_steps,
            shared_seconds=shared_seconds,
            shared_tokens=int(self._plan.tokens_after[shared_steps]),
        ).with_answers(self._for_answers + judged)

    def _tokens(self) -> int:
        if self.rollouts is not None:
            return self.rollouts.tokens
        return int(self._plan.tokens_after[self._step])

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def on_train_begin(
        self, args: object, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """A resumed trial starts with some steps done."""
        self.gauge.set(self._step)

    def on_substep_end(
        self, args: object, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """After each micro-batch except a step's last: a step may take minutes."""
        self.gauge.advance(1 / self._plan.accumulation)

    def on_step_end(
        self, args: object, state: TrainerState, control: TrainerControl, **_: object
    ) -> TrainerControl:
        """After each optimizer step, all ranks agree whether the trial goes on."""
        self._workshop.watchdog.alive()
        self._step = int(state.global_step)
        self.gauge.set(self._step)
        heard = self._heard()
        if heard.diverged_at is not None:
            raise DivergedError(f"the training loss is not finite at step {heard.diverged_at}")
        drop, suspend, due, busy = heard.flags
        # Signals from before the last checkpoint began do not account for it.
        busy = busy or heard.step <= self._kept_at or self._checkpoints.finish()
        if drop or not self._measure_if_due():
            self._end(Ending.STOPPED, control)
            return control
        if self._checkpoints.parts_at(self._step):
            self._part()
        due = due and not (busy and self._checkpoints.patient)
        if self._step < self._plan.steps and (due or suspend):
            self._keep()
            if suspend:
                self._workshop.watchdog.alive()
                self._checkpoints.settle()
                self._end(Ending.SUSPENDED, control)
        return control

    def _heard(self) -> Heard:
        """The ranks' signals after this step; an evaluation or a fork waits for its loss."""
        assert self.trainer is not None, "the trainer is set before training starts"
        leads = ranks.rank() == 0
        asked = self._monitor.asked_to_end() if leads else None
        flags = (
            asked is Ending.STOPPED,
            asked is Ending.SUSPENDED,
            leads and self._checkpoints.due(),
            self._checkpoints.busy(),
        )
        now = self._step in self._plan.points or self._checkpoints.parts_at(self._step)
        return self._signals.after(self._step, self.trainer.diverged(), flags, now=now)

    def _end(self, ending: Ending, control: TrainerControl) -> None:
        self.ending = ending
        control.should_training_stop = True

    def _keep(self) -> None:
        """Write a checkpoint, from which the trial can resume after any interruption."""
        assert self.trainer is not None
        self._kept_at = self._step
        with self._workshop.progress.phase("writing a checkpoint"):
            self._checkpoints.write(self._checkpoint(), self.trainer.write_checkpoint)

    def _part(self) -> None:
        """Keep the state for trials that part from this one here."""
        assert self.trainer is not None
        with self._workshop.progress.phase("writing a fork"):
            self._checkpoints.part(self._checkpoint(), self.trainer.write_checkpoint)

    def _checkpoint(self) -> Checkpoint:
        cost = self.cost()
        return Checkpoint(
            self._step,
            cost.seconds,
            cost.peak_memory_bytes,
            cost.generation_seconds,
            self._best_has_answers,
            cost.judge_tokens,
            cost.judge_dollars,
            cost.lanes,
            cost.shared_steps,
            cost.shared_seconds,
        )

    def _measure_if_due(self) -> bool:
        """Measure if this step is an evaluation point; return whether the trial may go on."""
        point = self._plan.points.get(self._step)
        return True if point is None else self._report(point, self._score(point))

    def _score(self, point: int) -> Scores:
        trial = self._config, self._loss, self._model
        whole = self._step == self._plan.steps
        scores = self._workshop.validation.scores(*trial, whole, self._known)
        self._known = None
        if not math.isfinite(scores.compared.get("eval_loss", 0.0)):  # prompts alone have none
            raise DivergedError(f"the evaluation loss is not finite at step {self._step}")
        if self.rollouts is not None:
            scores = scores.with_metrics(self.rollouts.metrics())
        scores = self._with_answers(scores, point)
        if self.rollouts is not None:
            self.rollouts.check(scores.compared, self._step)
        if not scores.whole and self._wants_whole(point, scores):
            scores = self._workshop.validation.completed(*trial, scores)
        return scores.with_formulas(self._config.evaluation.formulas)

    def _with_answers(self, scores: Scores, point: int) -> Scores:
        settings = self._config.evaluation
        if settings.generates_at(point, self._config.budget.evaluations):
            written = self._workshop.written(self._config, self._model)
            self._for_answers += written.cost
            scores = scores.with_written(written)
        return scores

    def _wants_whole(self, point: int, scores: Scores) -> bool:
        """Whether an evaluation on a part may become the trial's result; all ranks agree."""
        wanted: bool | None = None
        if ranks.rank() == 0:
            scores = scores.with_formulas(self._config.evaluation.formulas)
            wanted = self._monitor.wants_whole(self._evaluation(point, scores))
        return ranks.from_rank_zero(wanted) is True

    def _evaluation(self, point: int, scores: Scores) -> Evaluation:
        cost = self.cost()
        return Evaluation(point, self._step, scores.metrics, cost, subset=scores.subset)

    def _report(self, point: int, scores: Scores) -> bool:
        verdict: Verdict | None = None
        if ranks.rank() == 0:
            verdict = self._monitor.evaluated(self._evaluation(point, scores))
        verdict = ranks.from_rank_zero(verdict)
        if verdict.losses is not None and ranks.rank() == 0:
            write_losses(scores, verdict.losses)
            if verdict.losses.exists():
                self._monitor.written(verdict.losses)
        self._keep_answers(scores, verdict)
        if verdict.weights is not None:
            with self._workshop.progress.phase("writing weights"):
                self._write_weights(verdict.weights)
        return verdict.go_on or self._step == self._plan.steps

    def _keep_answers(self, scores: Scores, verdict: Verdict) -> None:
        counts = verdict.losses is not None
        if counts:
            self._best_has_answers = scores.written is not None
        if scores.written is None or verdict.answers is None:
            return
        if (counts or not self._best_has_answers) and ranks.rank() == 0:
            write_answers(scores.written, verdict.answers)
            self._monitor.written(verdict.answers)

    def _write_weights(self, folder: Path) -> None:
        """Write the trained part; the folder appears whole or not at all."""
        assert self.trainer is not None
        state = self.trainer.gathered_state()
        if ranks.rank() != 0:
            return
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        self._save(partial, state)
        self._workshop.tokenizer.save_pretrained(partial)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
        self._monitor.written(folder)

    def _save(self, folder: Path, state: dict[str, torch.Tensor] | None) -> None:
        tuned.save(self._model, folder, state)


def write_losses(scores: Scores, path: Path) -> None:
    """Save each example's loss, the number of tokens in its sum, its labels, if any, and what its
    other metrics are computed from; nothing if there is no loss."""
    if not len(scores.losses):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    counts = scores.counts.astype(np.int64)
    columns = {f"{COLUMN}{name}": values for name, values in scores.columns.items()}
    # mypy takes the arrays by name for numpy's own options.
    np.savez(path, loss_sums=scores.losses, token_counts=counts, **scores.labelled, **columns)  # type: ignore[arg-type]


def peak_memory(device: torch.device) -> int:
    """Bytes: the allocator's peak on a GPU, the resident size now on a CPU."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return int(psutil.Process().memory_info().rss)
