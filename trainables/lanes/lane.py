"""A trial in a lane: its own parameters, optimizer, schedule, place in its data, and clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
from peft import PeftModel
from transformers import Trainer, TrainerControl, TrainerState
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME, TRAINER_STATE_NAME

from trainables.config.trial import TrialConfig
from trainables.core.evaluation import Monitor, Outcome
from trainables.core.progress import NO_GAUGE, Gauge
from trainables.data.sets.training_set import Learned
from trainables.data.tokens.examples import Example
from trainables.data.tokens.packing import Pack
from trainables.data.tokens.sequences import TokenSequence
from trainables.lanes.adapter import Adapter
from trainables.lanes.clock import Clock
from trainables.lanes.lane_run import LaneRun
from trainables.losses.batch import Batch
from trainables.losses.loss import RowLoss
from trainables.training.checkpoints import Checkpoint, Checkpoints
from trainables.training.optimizers import lora_plus, optimizer, set_rates
from trainables.training.plan import Plan
from trainables.training.schedules import multiplier
from trainables.training.trainer import TRAINED


@dataclass(frozen=True)
class Entry:
    """A trial that asks for a lane. `end` is told how it ended, `fail` why it failed.

    `go_alone` is told why it cannot share this base, or, without a reason, that there is not enough
    memory for it beside others. `gauge` shows its progress in so many steps.
    """

    config: TrialConfig
    monitor: Monitor
    checkpoints: Checkpoints
    end: Callable[[Outcome], None]
    fail: Callable[[Exception], None]
    go_alone: Callable[[str | None], None]
    gauge: Callable[[int], Gauge] = lambda steps: NO_GAUGE


class Item(NamedTuple):
    """An example of a step, or a pack of some: `place` numbers all that the trial trains on."""

    place: int
    content: Example | Pack

    @property
    def sequences(self) -> tuple[TokenSequence, ...]:
        """Its rows of a batch."""
        if isinstance(self.content, Pack):
            return (self.content.joined(),)
        return self.content.sequences

    @property
    def width(self) -> int:
        """Tokens of its longest row."""
        return max(len(each.tokens) for each in self.sequences)


class Lane:
    """The state of one trial between ticks. `done` are its optimizer steps, `left` what its
    current step still has to train on, the longest first."""

    def __init__(
        self,
        entry: Entry,
        plan: Plan,
        learned: Learned,
        loss: RowLoss,
        adapter: Adapter,
        made: torch.optim.Optimizer,
        run: LaneRun,
        clock: Clock,
    ) -> None:
        self.entry, self.config, self.plan = entry, entry.config, plan
        self.loss, self.adapter, self.run, self.clock = loss, adapter, run, clock
        self.optimizer = made
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            made, multiplier(entry.config, plan.steps)
        )
        self.done = 0
        self.left: list[Item] = []
        self._learned = learned
        self._items = self._examples = 0
        self._loss_sum = self._loss_before = torch.zeros(())
        run.trainer = self

    def begin(self, at: Checkpoint | None) -> None:
        """Go to the first step, or to the one after a checkpoint."""
        if at is not None:
            self._read(self.entry.checkpoints.path(at))
            self.run.go_on_from(at)
            self.done = at.step
        self.run.gauge = self.entry.gauge(self.plan.steps)
        self.run.gauge.set(self.done)
        self.start_step()

    def start_step(self) -> None:
        """Begin the next optimizer step, or the current one again."""
        first, end = int(self.plan.ends[self.done]), int(self.plan.ends[self.done + 1])
        items = [
            Item(place, self._learned[int(self.plan.order[place])]) for place in range(first, end)
        ]
        self.left = sorted(items, key=lambda item: -item.width)
        self._examples = len(items)
        self._items = sum(int(s.targets.sum()) for item in items for s in item.sequences)
        self._loss_before = self._loss_sum

    def longest(self) -> Item:
        """The longest of all that the trial trains on."""
        own, replayed = self._learned.lengths
        lengths = own if replayed is None else np.concatenate([own, replayed])
        place = int(np.argmax(lengths))
        return Item(place, self._learned[place])

    def restart_step(self) -> None:
        """Forget the current step's gradients, of which a failed pass may have left a part."""
        self.optimizer.zero_grad(set_to_none=True)
        self._loss_sum = self._loss_before
        self.start_step()

    def loss_of(self, outputs: torch.Tensor, batch: Batch, count: int) -> torch.Tensor:
        """This lane's share of a tick's loss, over `count` of its examples."""
        if self.loss.per_token:
            loss = self.loss.reduced(outputs, batch, self._items)
        else:
            loss = self.loss.reduced(outputs, batch, None) * (count / self._examples)
        self._loss_sum = self._loss_sum.to(loss.device) + loss.detach()
        return loss

    @property
    def due(self) -> bool:
        """Whether it is measured after the step just made."""
        return self.run.due(self.done)

    @property
    def ends(self) -> bool:
        """Whether the step just made was its last."""
        return self.done == self.plan.steps

    def step(self) -> None:
        """Step, as its step's examples are done."""
        if self.config.optimizer.max_grad_norm > 0:
            torch.nn.utils.clip_grad_norm_(
                self.adapter.parameters, self.config.optimizer.max_grad_norm, foreach=True
            )
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.done += 1

    def after_step(self) -> Outcome | None:
        """Measure and begin the next step; how the trial ended, if it did."""
        control = TrainerControl()
        self.run.on_step_end(None, TrainerState(global_step=self.done), control)
        if control.should_training_stop or self.ends:
            return Outcome(self.run.ending, self.run.cost())
        self.start_step()
        return None

    def diverged(self) -> torch.Tensor:
        """Whether any loss so far was not finite; stays on the device."""
        return ~torch.isfinite(self._loss_sum)

    def gathered_state(self) -> None:
        """Nothing: all weights are here."""

    def write_checkpoint(self, folder: Path) -> None:
        """Write `checkpoint-STEP` in `folder`, as the trainer does."""
        made = folder / f"checkpoint-{self.done}"
        made.mkdir(parents=True)
        self.adapter.write(made / TRAINED)
        torch.save(self.optimizer.state_dict(), made / OPTIMIZER_NAME)
        torch.save(self.schedule.state_dict(), made / SCHEDULER_NAME)
        state = TrainerState(
            global_step=self.done,
            max_steps=self.plan.steps,
            train_batch_size=self.plan.micro_batch_size,
        )
        state.save_to_json(str(made / TRAINER_STATE_NAME))

    def _read(self, folder: Path) -> None:
        device = self.adapter.parameters[0].device
        self.adapter.read(folder / TRAINED)
        for part, name in ((self.optimizer, OPTIMIZER_NAME), (self.schedule, SCHEDULER_NAME)):
            part.load_state_dict(torch.load(folder / name, map_location=device, weights_only=True))
        set_rates(self.schedule)


def make_optimizer(model: PeftModel, config: TrialConfig) -> torch.optim.Optimizer:
    """The optimizer that the trainer would make."""
    if config.tunes.learning_rate_ratio(config) != 1.0:
        return lora_plus(model, config)
    kind, settings = optimizer(config)
    make: Callable[..., torch.optim.Optimizer] = kind
    decays = set(Trainer.get_decay_parameter_names(cast(Trainer, None), model))
    named = [(name, each) for name, each in model.named_parameters() if each.requires_grad]
    groups = [
        {
            "params": [each for name, each in named if (name in decays) is decayed],
            "weight_decay": config.optimizer.weight_decay if decayed else 0.0,
        }
        for decayed in (True, False)
    ]
    return make(groups, **settings)
