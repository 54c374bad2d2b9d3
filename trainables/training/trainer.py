"""transformers' Trainer with our data order, our schedule and our evaluation points."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import accelerate.utils.other
import torch
from accelerate import PartialState
from accelerate.state import AcceleratorState
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torch.utils.data import DataLoader, Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.integrations.deepspeed import unset_hf_deepspeed_config
from transformers.integrations.neftune import deactivate_neftune
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from trainables.config.trial import TrialConfig
from trainables.core import ranks
from trainables.data.sets.training_set import Learned, TrainingSet
from trainables.data.tokens.examples import Example
from trainables.data.tokens.packing import Pack, collate_items
from trainables.losses.batch import Batch, to_batch
from trainables.losses.loss import Loss
from trainables.models import tuned
from trainables.objectives.ppo import PpoConfig
from trainables.training.optimizers import lora_plus, optimizer, rate_value_head, set_rates
from trainables.training.plan import Plan
from trainables.training.rollouts.rollouts import Rollouts
from trainables.training.schedules import multiplier
from trainables.training.zero.settings import deepspeed_config

TRAINED = "trained.safetensors"
"""The trainable weights in a checkpoint."""

# Asked whether a model is DeepSpeed's engine, accelerate would import DeepSpeed, for a second.
accelerate.utils.other.is_deepspeed_available = lambda: "deepspeed" in sys.modules

T = TypeVar("T")


class MicroBatches(Dataset[list[T]]):
    """The training examples in the micro-batches of the plan, as one long pass."""

    def __init__(self, examples: TrainingSet[T], plan: Plan) -> None:
        self._examples = examples
        self._plan = plan

    def __len__(self) -> int:
        return self._plan.micro_batches

    def __getitem__(self, index: int) -> list[T]:
        return [self._examples[int(place)] for place in self._plan.micro_batch(index)]


class TrialTrainer(Trainer):
    """One trial's trainer; `loss_sum` adds up the losses of all micro-batches so far."""

    def __init__(self, config: TrialConfig, plan: Plan, loss: Loss, **kwargs: object) -> None:
        self._config = config
        self._plan = plan
        self._loss = loss
        self.loss_sum = torch.zeros(())
        self.rollouts: Rollouts | None = None
        self._piece = 0
        self.lr_scheduler: LRScheduler | None = None
        self.optimizer: torch.optim.Optimizer | None = None
        super().__init__(**kwargs)
        # Whether the trainer divides by a step's target tokens, or averages over micro-batches.
        self.model_accepts_loss_kwargs = self.loss_is_scaled_for_ga = loss.per_token
        self.remove_callback(PrinterCallback)

    def training_step(
        self, model: torch.nn.Module, inputs: Batch, num_items_in_batch: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Train on one micro-batch. Its loss stays on the device, to avoid a wait."""
        if self.rollouts is not None:
            # Only now, as the loader reads ahead: answers are those of the model as it is.
            inputs = self.rollouts.micro_batch(self.state.global_step, self._piece)
            self._piece = (self._piece + 1) % self._plan.accumulation
        loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        self.loss_sum = self.loss_sum.to(loss.device) + loss
        return loss

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The objective's loss of one micro-batch."""
        assert not return_outputs, "nothing here evaluates through the trainer"
        return self._loss.loss(model, inputs, num_items_in_batch)

    def diverged(self) -> torch.Tensor:
        """Whether any loss on this rank was not finite; stays on the device."""
        return ~torch.isfinite(self.loss_sum)

    def _prepare_input(self, data: Batch) -> Batch:
        """The batch as the loader made it. Under DeepSpeed, transformers would round it to bf16, in
        which class 257 becomes class 256."""
        return data

    def _get_grad_norm(self, model: torch.nn.Module, grad_norm: object = None) -> None:
        """Not used; computing DeepSpeed's would wait for the device."""

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """The trial's optimizer; LoRA+ gives the adapters' B matrices their own rate, and PPO its
        value head."""
        ratio = self._config.tunes.learning_rate_ratio(self._config)
        new = self.optimizer is None
        if new and ratio != 1.0:
            self.optimizer = lora_plus(self.model, self._config)
        made: torch.optim.Optimizer = super().create_optimizer(model)
        if new and self._config.learns.has_value_head:
            own = self._config.settings(PpoConfig).value_learning_rate_ratio
            rate_value_head(made, self.model, own)
        return made

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> LRScheduler:
        """Our closed-form schedule in place of the transformers' own."""
        optimizer = optimizer or self.optimizer
        assert optimizer is not None, "it is made before its schedule"
        if self.lr_scheduler is None:
            self.lr_scheduler = LambdaLR(optimizer, multiplier(self._config, self._plan.steps))
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Also set the learning rate: the checkpoint may be of a trial with other rates later."""
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None:
            assert isinstance(self.lr_scheduler, LambdaLR)
            set_rates(self.lr_scheduler)

    def get_train_dataloader(self) -> DataLoader[Batch]:
        """One item per micro-batch: the plan has made them, in several sizes during a ramp."""
        loader = DataLoader(
            self.train_dataset,
            batch_size=1,
            collate_fn=self.data_collator,
            pin_memory=self.args.dataloader_pin_memory,
        )
        prepared: DataLoader[Batch] = self.accelerator.prepare(loader)
        return prepared

    def write_checkpoint(self, folder: Path) -> None:
        """Write `checkpoint-STEP` in `folder`, complete for resuming. All ranks call it."""
        self.args.output_dir = str(folder)
        self._save_checkpoint(self.model, trial=None)
        if self.rollouts is not None:
            step = self.state.global_step
            self.rollouts.save(folder / f"{PREFIX_CHECKPOINT_DIR}-{step}", step)

    def gathered_state(self) -> dict[str, torch.Tensor] | None:
        """The whole weights under ZeRO-3, which all ranks gather; else None."""
        if self._config.deepspeed is None or self._config.deepspeed.zero_stage < 3:
            return None
        state: dict[str, torch.Tensor] = self.accelerator.get_state_dict(self.model_wrapped)
        return state

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Load a checkpoint's weights; DeepSpeed's engine writes its own."""
        assert output_dir is not None, "only checkpoints are saved by the trainer"
        if self.deepspeed is None and self.args.should_save:
            Path(output_dir).mkdir(parents=True, exist_ok=True)
            tuned.save_trained(self.model, Path(output_dir) / TRAINED)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: object = None) -> None:
        tuned.reload_trained(self.model, Path(resume_from_checkpoint) / TRAINED)

    def _prepare_for_training(
        self,
        max_steps: int,
        train_dataloader: DataLoader[Batch],
        resume_from_checkpoint: str | None,
    ) -> object:
        prepared = super()._prepare_for_training(
            max_steps, train_dataloader, resume_from_checkpoint
        )
        if self.deepspeed is not None and resume_from_checkpoint is None:
            # A slow import, and not needed without DeepSpeed.
            from trainables.training.zero.engine import take_back_first_step

            take_back_first_step(self.deepspeed)
        return prepared


def make_trainer(
    config: TrialConfig,
    plan: Plan,
    model: torch.nn.Module,
    loss: Loss,
    examples: Learned,
    pad_id: int,
    callback: TrainerCallback,
) -> TrialTrainer:
    """A trainer that does not save, log or evaluate by itself; the callback does."""
    with _as_plain_process(config):
        return TrialTrainer(
            config,
            plan,
            loss,
            model=model,
            args=_arguments(config, plan),
            train_dataset=MicroBatches(examples, plan),
            data_collator=partial(collated, pad_id=pad_id),
            optimizer_cls_and_kwargs=optimizer(config),
            callbacks=[callback],
        )


def _arguments(config: TrialConfig, plan: Plan) -> TrainingArguments:
    arguments = TrainingArguments(
        # Nothing is written there, but transformers requires a folder.
        output_dir=tempfile.gettempdir(),
        max_steps=plan.steps,
        per_device_train_batch_size=plan.micro_batch_size,
        gradient_accumulation_steps=plan.accumulation,
        learning_rate=config.learning_rate,
        weight_decay=config.optimizer.weight_decay,
        max_grad_norm=config.optimizer.max_grad_norm,
        bf16=config.precision == "bf16",
        fp16=config.precision == "fp16",
        activation_checkpointing=config.gradient_checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False},
        deepspeed=engine_settings(config, plan) if config.deepspeed else None,
        ddp_find_unused_parameters=False,
        neftune_noise_alpha=config.neftune_noise or None,
        seed=config.seed % 2**32,
        save_strategy="no",
        logging_strategy="no",
        logging_nan_inf_filter=False,
        report_to=[],
        disable_tqdm=True,
        # Batches are copied to a GPU in parallel with its work.
        dataloader_pin_memory=torch.cuda.is_available(),
        accelerator_config={"non_blocking": torch.cuda.is_available()},
        remove_unused_columns=False,
        use_cpu=not torch.cuda.is_available(),
    )
    # Otherwise a single process on a machine with several GPUs would split each micro-batch.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments


@contextmanager
def _as_plain_process(config: TrialConfig) -> Iterator[None]:
    """Hide the rank of a single worker, unless its engine needs one.

    Accelerate takes a process with a rank for one of several, and wraps the model in DDP, which
    keeps a second copy of all gradients.
    """
    alone = config.deepspeed is None and ranks.world_size() == 1
    rank = os.environ.pop("LOCAL_RANK", None) if alone else None
    try:
        yield
    finally:
        if rank is not None:
            os.environ["LOCAL_RANK"] = rank


def engine_settings(config: TrialConfig, plan: Plan) -> dict[str, object]:
    """The DeepSpeed configuration of a trial that runs under it."""
    return deepspeed_config(config, plan.micro_batch_size, plan.accumulation)


def collated(items: list[list[Example | Pack]], pad_id: int) -> Batch:
    """A micro-batch, either all packs or none."""
    (together,) = items
    return to_batch(collate_items(together, pad_id))


def dismantle(trainer: TrialTrainer) -> None:
    """Take the engine apart and reset accelerate's process-wide state."""
    if trainer.deepspeed is not None:
        from trainables.training.zero.engine import dismantle as dismantle_engine

        dismantle_engine(trainer.deepspeed)
    if hasattr(trainer, "neftune_hook_handle"):
        # The trainer itself removes its embedding noise only at a regular end.
        deactivate_neftune(trainer.model, trainer.neftune_hook_handle, trainer.accelerator)
    trainer.accelerator.free_memory()
    trainer.callback_handler.callbacks.clear()
    trainer.model = trainer.model_wrapped = trainer.deepspeed = trainer.optimizer = (
        trainer.lr_scheduler
    ) = None
    reset_process_state()


def reset_process_state() -> None:
    """Forget what accelerate and transformers keep for the whole process."""
    unset_hf_deepspeed_config()
    # Accelerate sets it for a trial with DeepSpeed, and would give every later trial an engine too.
    os.environ.pop("ACCELERATE_USE_DEEPSPEED", None)
    AcceleratorState._reset_state()
    PartialState._reset_state()
