"""GRPO here and by TRL's GRPOTrainer: the same trial, from the model's loading to the last step.

    python -m benchmarks.rl --make FOLDER
    python -m benchmarks.rl_against_trl FOLDER [--steps 30] [--threads 2]

Both train the whole model on the same sums in one process, with the same prompts per step, answers,
rate, clip, beta and threads. Prints one JSON document: seconds of each, on the clock and of the
CPUs (which other programs on the machine do not change much), and the latter's ratio, also of the
second trial (here in the warm slot, there from scratch), and tokens/s of a rollout against plain
sampling by `generate` on the same prompts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.rl import Keep, workshop_of
from trainables.config.trial import TrialConfig
from trainables.data.tokens.prompts import Prompts
from trainables.training.generation.generating import generating, left_padded
from trainables.training.rollouts.author import Author
from trainables.training.workshop import Workshop

PROMPTS, ANSWERS, NEW = 16, 8, 5
"""Of a step: its prompts, the answers to each, and the most tokens of an answer."""

TIMES = 5


def main() -> None:
    """Measure, and print."""
    options = _options()
    torch.set_num_threads(options.threads)
    config = _trial(options.folder, options.steps)
    # Imports count for neither.
    _ours(workshop_of(config, options.folder), _trial(options.folder, 1), Watch())
    _trl(options.folder, 1)
    watch = Watch()
    workshop = workshop_of(config, options.folder)
    first = _ours(workshop, config, watch)
    second = _ours(workshop, config, Watch())
    theirs = [_trl(options.folder, options.steps) for _ in range(2)]
    print(
        json.dumps(
            {
                "steps": options.steps,
                "threads": options.threads,
                "here": first,
                "here, second trial in the warm slot": second,
                "TRL": theirs[0],
                "TRL, second trial": theirs[1],
                "TRL / here": _ratio(theirs[0], first),
                "TRL / here, second trial": _ratio(theirs[1], second),
                **_writing(workshop, config),
            },
            indent=1,
        )
    )


class Watch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic(), time.process_time()

    def read(self) -> dict[str, float]:
        """On the clock, and of the CPUs."""
        now = time.monotonic(), time.process_time()
        clock, cpu = (end - start for end, start in zip(now, self._began, strict=True))
        return {"seconds": round(clock, 2), "cpu_seconds": round(cpu, 2)}


def _ratio(theirs: dict[str, float], ours: dict[str, float]) -> float:
    return round(theirs["cpu_seconds"] / ours["cpu_seconds"], 2)


def _trial(folder: Path, steps: int) -> TrialConfig:
    return TrialConfig.model_validate(
        {
            "model": str(folder / "start"),
            "objective": "grpo",
            "method": "full",
            "precision": "fp32",
            "data": {
                "train": str(folder / "train.jsonl"),
                "validation": str(folder / "asked.jsonl"),
                "max_length": 32,
            },
            "budget": {"steps": steps, "evaluations": 1},
            "batch_size": PROMPTS,
            "micro_batch_size": PROMPTS * ANSWERS,
            "learning_rate": 2e-4,
            "schedule": "constant",
            "warmup_fraction": 0.0,
            "rl": {"rewards": {"eval_exact_match": 1.0}, "group_size": ANSWERS, "beta": 0.01},
            "evaluation": {"prompts": PROMPTS, "max_new_tokens": NEW, "batch_size": 128},
        }
    )


def _ours(workshop: Workshop, config: TrialConfig, watch: Watch) -> dict[str, float]:
    keep = Keep(None)
    outcome = workshop.train(config, keep)
    assert outcome.error is None, outcome.error
    return {
        **watch.read(),
        "rollouts": round(keep.last["train_rollout_seconds"], 2),
        "train_reward": round(keep.last["train_reward"], 3),
    }


def _trl(folder: Path, steps: int) -> dict[str, float]:
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    data = Dataset.from_list(
        [{"prompt": f"{row['question']}=", "answer": row["answer"]} for row in rows]
    )

    def right(completions: list[str], answer: list[str], **_: Any) -> list[float]:
        return [float(said == known) for said, known in zip(completions, answer, strict=True)]

    watch = Watch()
    with tempfile.TemporaryDirectory() as scratch:
        settings = GRPOConfig(
            output_dir=scratch,
            use_cpu=not torch.cuda.is_available(),
            bf16=False,
            max_steps=steps,
            per_device_train_batch_size=PROMPTS * ANSWERS,
            gradient_accumulation_steps=1,
            num_generations=ANSWERS,
            max_completion_length=NEW,
            learning_rate=2e-4,
            lr_scheduler_type="constant",
            beta=0.01,
            loss_type="dapo",
            temperature=1.0,
            gradient_checkpointing=False,
            logging_steps=steps,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        trainer = GRPOTrainer(
            model=str(folder / "start"),
            reward_funcs=right,
            args=settings,
            train_dataset=data,
            processing_class=AutoTokenizer.from_pretrained(folder / "start"),
        )
        trainer.train()
    rewards = [each["reward"] for each in trainer.state.log_history if "reward" in each]
    return {**watch.read(), "train_reward": round(float(rewards[-1]), 3)}


def _writing(workshop: Workshop, config: TrialConfig) -> dict[str, float]:
    """Tokens per second of a step's answers: as a rollout, and by plain sampling."""
    prompts = Prompts(workshop.inputs.train)
    places = torch.arange(PROMPTS).repeat_interleave(ANSWERS).numpy()
    with workshop.untouched(config) as model:
        author = Author(workshop, config, model)
        counts, began = 0, time.process_time()
        for number in range(TIMES):
            rollout, _ = author.rollout(number, places)
            counts += int(rollout.answer_tokens.sum())
        here = counts / (time.process_time() - began)
        plain = _plain(workshop, model, [prompts[int(place)].tokens.tolist() for place in places])
    return {
        "rollout tokens per CPU second": round(here),
        "plain generate tokens per CPU second": round(plain),
        "rollout / plain": round(here / plain, 2),
    }


def _plain(workshop: Workshop, model: Any, asked: list[list[int]]) -> float:
    stops = set(Prompts(workshop.inputs.train).stops)
    inputs = left_padded(asked, workshop.pad_id)
    counts, began = 0, time.process_time()
    with torch.no_grad(), generating(model, stops, NEW, workshop.pad_id):
        model.generation_config.do_sample = True
        for _ in range(TIMES):
            whole = model.generate(**{n: each.to(workshop.device) for n, each in inputs.items()})
            new = whole[:, inputs["input_ids"].shape[1] :]
            counts += int((new != workshop.pad_id).sum())
    return counts / (time.process_time() - began)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="made by benchmarks.rl --make")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
