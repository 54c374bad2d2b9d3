"""The input of all ways, and the plain Trainer shared by three of them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RANKS = (4, 8, 16, 8, 4, 16, 8, 4)
RATES = (1e-3, 2e-3, 4e-3, 8e-3)
EVALUATIONS = 2


@dataclass(frozen=True)
class Job:
    """`trials` trials of `steps` optimizer steps, on existing token files."""

    model: str
    train: Path
    validation: Path
    trials: int
    steps: int
    batch_size: int
    threads: int
    log: Path

    def params(self, trial: int) -> dict[str, Any]:
        """The trial's searched values."""
        rank = RANKS[trial % len(RANKS)]
        return {"learning_rate": RATES[trial % len(RATES)], "lora.rank": rank}

    def ended(self, loss: float) -> None:
        """Note the end of a trial, now."""
        with self.log.open("a") as log:
            log.write(json.dumps({"time": time.time(), "eval_loss": loss}) + "\n")


def plain_trainer(job: Job, trial: int, model_init: Any = None, callbacks: Any = ()) -> Any:
    """transformers' Trainer as a careful user would set it up: nothing saved, nothing reported."""
    from transformers import PrinterCallback, Trainer, TrainingArguments

    params = job.params(trial)
    arguments = TrainingArguments(
        output_dir="/tmp/benchmark-overhead",
        max_steps=job.steps,
        per_device_train_batch_size=min(8, job.batch_size),
        gradient_accumulation_steps=max(1, job.batch_size // 8),
        per_device_eval_batch_size=8,
        learning_rate=params["learning_rate"],
        lr_scheduler_type="cosine",
        eval_strategy="steps",
        eval_steps=job.steps // EVALUATIONS,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=["labels"],
        prediction_loss_only=True,
        use_cpu=True,
    )
    trainer = Trainer(
        model=None if model_init else lora_model(job, params["lora.rank"]),
        model_init=model_init,
        args=arguments,
        train_dataset=rows(job.train),
        eval_dataset=rows(job.validation),
        data_collator=_collate,
        callbacks=list(callbacks),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def lora_model(job: Job, rank: int) -> Any:
    """A fresh base model from disk with a fresh adapter."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(job.model, dtype=torch.float32)
    base.config.use_cache = False
    adapter = LoraConfig(task_type="CAUSAL_LM", r=rank, lora_alpha=32, target_modules="all-linear")
    return get_peft_model(base, adapter)


def rows(folder: Path) -> Any:
    """The token arrays of our own trials."""
    from torch.utils.data import Dataset

    from trainables.data.tokens.sequences import Sequences

    class Rows(Dataset[Any]):
        def __init__(self) -> None:
            self._sequences = Sequences.open(folder)

        def __len__(self) -> int:
            return len(self._sequences)

        def __getitem__(self, index: int) -> Any:
            return self._sequences[index]

    return Rows()


def _collate(batch: list[Any]) -> dict[str, Any]:
    import torch

    from trainables.data.tokens.batches import pad

    return {name: torch.from_numpy(array) for name, array in pad(batch, 0).items()}


def last_eval_loss(trainer: Any) -> float:
    """The loss in a trainer's last evaluation."""
    history = [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]
    return float(history[-1])
