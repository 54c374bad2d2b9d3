"""transformers' Trainer with our data order, our schedule and our evaluation points."""

from __future__ import annotations

import math
import tempfile
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, SequentialSampler
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from trainables.config import TrialConfig
from trainables.data.batches import collate
from trainables.data.sequences import Sequences
from trainables.deepspeed import deepspeed_config
from trainables.plan import Plan
from trainables.schedules import multiplier


class OrderedSequences(Dataset[Any]):
    """The training sequences in the order that the plan laid down, as one long pass."""

    def __init__(self, sequences: Sequences, order: NDArray[np.int64]) -> None:
        self._sequences = sequences
        self._order = order

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: int) -> Any:
        return self._sequences[int(self._order[index])]


class TrialTrainer(Trainer):
    """One trial's trainer; `loss_sum` adds up the losses of all micro-batches so far."""

    def __init__(self, config: TrialConfig, plan: Plan, **kwargs: Any) -> None:
        self._config = config
        self._plan = plan
        self.loss_sum = torch.zeros(())
        self.lr_scheduler: Any = None
        super().__init__(**kwargs)
        self.remove_callback(PrinterCallback)

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Train on one micro-batch. Its loss stays on the device, so nothing waits for it here."""
        loss: torch.Tensor = super().training_step(*args, **kwargs)
        self.loss_sum = self.loss_sum.to(loss.device) + loss
        return loss

    def loss_is_finite(self) -> bool:
        """Whether every loss so far was a finite number, on this rank."""
        return math.isfinite(self.loss_sum.item())

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Our closed-form schedule, whatever the transformers' own would be."""
        if self.lr_scheduler is None:
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
                optimizer or self.optimizer, multiplier(self._config, self._plan.steps)
            )
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return SequentialSampler(train_dataset or self.train_dataset)


def make_trainer(
    config: TrialConfig,
    plan: Plan,
    model: torch.nn.Module,
    sequences: Sequences,
    callback: TrainerCallback,
) -> TrialTrainer:
    """A trainer that saves, logs and evaluates nothing by itself; the callback does what is due."""
    arguments = TrainingArguments(
        # Nothing is written there, but transformers wants a place.
        output_dir=tempfile.gettempdir(),
        max_steps=plan.steps,
        per_device_train_batch_size=plan.micro_batch_size,
        gradient_accumulation_steps=plan.accumulation,
        learning_rate=config.learning_rate,
        weight_decay=config.optimizer.weight_decay,
        adam_beta1=config.optimizer.beta1,
        adam_beta2=config.optimizer.beta2,
        adam_epsilon=config.optimizer.epsilon,
        max_grad_norm=config.optimizer.max_grad_norm,
        optim="adamw_torch",
        bf16=config.precision == "bf16",
        activation_checkpointing=config.gradient_checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False},
        deepspeed=_engine(config, plan),
        ddp_find_unused_parameters=False,
        seed=config.seed % 2**32,
        save_strategy="no",
        logging_strategy="no",
        logging_nan_inf_filter=False,
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available(),
        remove_unused_columns=False,
        use_cpu=not torch.cuda.is_available(),
    )
    return TrialTrainer(
        config,
        plan,
        model=model,
        args=arguments,
        train_dataset=OrderedSequences(sequences, plan.order),
        data_collator=_collate,
        callbacks=[callback],
    )


def _engine(config: TrialConfig, plan: Plan) -> dict[str, Any] | None:
    if config.deepspeed is None:
        return None
    return deepspeed_config(config, plan.micro_batch_size, plan.accumulation)


def _collate(rows: list[Any]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in collate(rows, pad_id=0).items()}
