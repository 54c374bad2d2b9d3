"""Trains one trial in this process, on the available ranks. Independent of Ray.

    workshop = Workshop(inputs)
    outcome = workshop.train(config, monitor)

A workshop keeps what is expensive to set up (base model, data) between trials; each trial leaves
it unchanged.
"""

from __future__ import annotations

import trainables.core.light_bitsandbytes  # noqa: F401  # before PEFT

# isort: split
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from trainables.config.trial import TrialConfig
from trainables.core import ranks
from trainables.core.evaluation import (
    Cost,
    Evaluation,
    Monitor,
    Outcome,
)
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.data.sets.training_set import Learned, training_set
from trainables.data.tokens.examples import Examples
from trainables.data.tokens.tokenizer import context_length, embedding_rows, load_tokenizer, pad_id
from trainables.losses.loss import Loss, Scores
from trainables.losses.make import make_loss
from trainables.losses.several_labels import SeveralLabels
from trainables.losses.tokens import TokenLosses
from trainables.metrics.written import Written
from trainables.models import tuned
from trainables.training.base import (
    BaseModel,
    Head,
    borrows_in_place,
)
from trainables.training.checkpoints import NO_CHECKPOINTS, Checkpoints
from trainables.training.generation.answers import Answers
from trainables.training.generation.files import write_answers
from trainables.training.generation.lookups import Lookups
from trainables.training.generation.untrained import measure_untrained
from trainables.training.inputs import Inputs
from trainables.training.measuring.general import GeneralSet
from trainables.training.measuring.measured_set import MeasuredSet, Measuring
from trainables.training.measuring.validation import Validation
from trainables.training.memory import own_device
from trainables.training.plan import Plan, make_plan
from trainables.training.references import Bare, References
from trainables.training.refusing import refuse
from trainables.training.run import peak_memory, write_losses
from trainables.training.scoring.reward_model import RewardModels
from trainables.training.trained import train
from trainables.training.watchdog import NO_WATCHDOG, Watchdog
from trainables.training.zero.scatter import ready


class Workshop:
    """The warm part of a process that trains trials: one base model, one data set."""

    def __init__(
        self, inputs: Inputs, watchdog: Watchdog = NO_WATCHDOG, progress: Progress = NO_PROGRESS
    ) -> None:
        self.inputs = inputs
        self.watchdog = watchdog
        self.progress = progress
        self.device = own_device()
        self.train_set = Examples(inputs.train)
        self.validation_set = Examples(inputs.validation, first_place=len(self.train_set))
        after = len(self.train_set) + len(self.validation_set)
        self.test_set = Examples(inputs.test, first_place=after) if inputs.test else None
        self._replay_set = Examples(inputs.mix) if inputs.mix else None
        self.pad_id = pad_id(self.tokenizer, embedding_rows(inputs.model))
        head = Head(inputs.labels, self.pad_id, inputs.target) if inputs.labels else None
        self._base = BaseModel(inputs.model, self.device, head, inputs.new_tokens, progress)
        self._measuring = Measuring(self.pad_id, self.device, progress)
        other = Examples(inputs.general) if inputs.general else None
        self._general = GeneralSet(other, self._base, self._measuring) if other else None
        validated = MeasuredSet(self.validation_set, self._measuring)
        self.validation = Validation(validated, self._general, self._lossless)
        self.lend = self._base.lend
        examples = after + len(self.test_set or ())
        self.references = References(self._base, examples, self.train_set.arity, self.device)
        self.reward_models = RewardModels(inputs, self.device, progress, watchdog.alive)
        self._answers = Answers(self, self.references)
        gc.collect()

    @property
    def tokens(self) -> TokenLosses:
        """How token losses are computed."""
        return self._base.tokens

    @property
    def loading_seconds(self) -> float:
        """Seconds in which the base was loaded so far."""
        return self._base.loading_seconds

    @cached_property
    def tokenizer(self) -> Any:
        """The base model's tokenizer, saved with every winner."""
        return load_tokenizer(self.inputs.tokenizer_source)

    @cached_property
    def lookups(self) -> Lookups:
        """What trials look up for their prompts."""
        return Lookups(self.inputs, self.tokenizer, self.device, self.progress)

    @cached_property
    def context(self) -> int | None:
        """The base model's context in tokens; None: its config says nothing."""
        return context_length(self.inputs.model)

    @cached_property
    def _longest(self) -> int:
        """The length in tokens of the longest sequence of all sets."""
        return max(Examples(folder).longest for folder in self.inputs.sets)

    def longest_of(self, config: TrialConfig) -> int:
        """The same, or the length of the longest prompt with its answer."""
        return max(self._longest, self._answers.longest(config))

    def measure_base(
        self, config: TrialConfig, losses: Path | None = None, answers: Path | None = None
    ) -> Evaluation:
        """The untouched base model on the validation set, as evaluation point 0.

        The loss of each sequence is written to the file `losses`, and generated answers to the
        folder `answers`, if given.
        """
        with self.untouched(config) as model:
            self._know(config, model, self.validation_set.folder)
            began = time.monotonic()  # without loading the model
            scores = self.scores(config, self.loss(config, model), model)
            seconds = time.monotonic() - began
        if losses is not None and ranks.rank() == 0:
            write_losses(scores, losses)
        if answers is not None and scores.written is not None and ranks.rank() == 0:
            write_answers(scores.written, answers)
        cost = Cost(seconds=seconds, peak_memory_bytes=peak_memory(self.device))
        return Evaluation(0, 0, scores.metrics, cost.with_answers(scores.answers_cost))

    @contextmanager
    def untouched(self, config: TrialConfig) -> Iterator[torch.nn.Module]:
        """The base, held as the trial needs it, for measurements by all ranks together."""
        refuse(config)
        # The base is its own reference. In the same batches the two agree exactly; with answers
        # cached from other batches, rounding would decide which pairs it wins.
        self.references.forget()
        with ready(self.lend(config), config, self.device) as model, self.references.held:
            yield model

    def test(self, config: TrialConfig, weights: Path | None) -> Evaluation:
        """The trained part in `weights` (None: the base) on the test set, as point 0.

        RefusedError if `weights` is not what this trial saves.
        """
        assert self.test_set is not None, "a test asked for where there is no test set"
        began = time.monotonic()
        if self._answers.lacks_base(config, self.test_set.folder):
            self.know_base(config, self.test_set)
        base = model = self.lend(config)
        try:
            if weights is not None:
                model = tuned.restore(base, config, weights)
            with ready(model, config, self.device), self.references.held:
                loss = self.loss(config, model)
                if isinstance(loss, SeveralLabels) and loss.tuned:
                    self._measured(config, loss, model, self.validation_set)
                    loss.keep_thresholds()
                scores = self.scores(config, loss, model, self.test_set)
        except BaseException:
            self.take_back(config, model)
            raise
        if borrows_in_place(config):
            tuned.detach(model).requires_grad_(False)
        metrics = {f"test_{name.removeprefix('eval_')}": v for name, v in scores.metrics.items()}
        cost = Cost(seconds=time.monotonic() - began).with_answers(scores.answers_cost)
        return Evaluation(0, 0, metrics, cost)

    def take_back(self, config: TrialConfig, model: PreTrainedModel | PeftModel) -> None:
        """Restore the base after a failure; reload it if it cannot be restored."""
        if borrows_in_place(config):
            try:
                tuned.detach(model).requires_grad_(False)
            finally:
                self._base.forget_touched()  # an adapter may be half attached

    def scores(
        self,
        config: TrialConfig,
        loss: Loss,
        model: torch.nn.Module,
        examples: Examples | None = None,
    ) -> Scores:
        """Measure a model on a set (unset: on those of `validation`), with the answers and formulas
        that are asked for; only answers, if the trial looks something up for its prompts."""
        if config.tunes.lookup(config):
            found = Scores.of_answers(self.written(config, model, examples))
        else:
            found = (
                self._measured(config, loss, model, examples)
                if examples
                else self.validation.scores(config, loss, model)
            )
            if config.evaluation.metrics:
                found = found.with_written(self.written(config, model, examples))
        return found.with_formulas(config.evaluation.formulas)

    def written(
        self, config: TrialConfig, model: torch.nn.Module, examples: Examples | None = None
    ) -> Written:
        """Generate a model's answers to prompts of the validation set, or of another."""
        return self._answers.written(config, model, (examples or self.validation_set).folder)

    def _measured(
        self, config: TrialConfig, loss: Loss, model: torch.nn.Module, examples: Examples
    ) -> Scores:
        if self._lossless(config, examples):
            return Scores.of_nothing()
        return loss.scores(self._measuring.rows(config, loss, model, examples), examples)

    def _lossless(self, config: TrialConfig, examples: Examples | None = None) -> bool:
        """Whether the validation set, or another, has prompts without answers."""
        folder = (examples or self.validation_set).folder
        return config.learns.rolls_out and not self._answers.known(folder)

    def know_base(self, config: TrialConfig, examples: Examples | None = None) -> None:
        """Measure the base for forgetting, and let it answer the prompts of the validation set, or
        of another, if a judge compares; unless an earlier trial of this kind has done so."""
        folder = (examples or self.validation_set).folder
        general = self._general is None or self._general.knows(config)
        if not general or self._answers.lacks_base(config, folder):
            with ready(self.lend(config), config, self.device) as base:
                self._know(config, base, folder)

    def _know(self, config: TrialConfig, base: torch.nn.Module, folder: Path) -> None:
        if self._general and not self._general.knows(config):
            self._general.measure_base(config, base)
        if self._answers.lacks_base(config, folder):
            self._answers.know_base(config, base, folder)

    def plan(self, config: TrialConfig, workers: int) -> Plan:
        """A trial's plan over its training examples."""
        lengths, replayed = self.learned(config).lengths
        return make_plan(config, lengths, workers, replayed)

    def learned(self, config: TrialConfig) -> Learned:
        """A trial's training examples as its plan numbers them: single or packed."""
        return training_set(config, self.train_set, self._replay_set)

    def loss(self, config: TrialConfig, model: torch.nn.Module, bare: Bare = nullcontext) -> Loss:
        """The loss of `config` on `model`, which is the shared base or built from a copy of it.

        Within `bare` the model has nothing on it but what PEFT put there.
        """
        return make_loss(
            config,
            self.train_set,
            self.inputs.labels,
            lambda: self.references.of(config, model, bare),
            self.inputs.target,
            self.tokens,
        )

    def train(
        self, config: TrialConfig, monitor: Monitor, checkpoints: Checkpoints = NO_CHECKPOINTS
    ) -> Outcome:
        """Train one trial to its end, from its last checkpoint if there is one.

        RefusedError if its settings do not work. The caller handles errors other than divergence.
        """
        if config.tunes.trains:
            return train(self, config, monitor, checkpoints)
        self.know_base(config)
        return measure_untrained(self, config, monitor)
