"""What the tests of generation share: chats about sums, and a tiny Llama that reads any text."""

from __future__ import annotations

from pathlib import Path

from data_samples import CHATML, tiny_tokenizer, write_lines

from trainables.config.trial import TrialConfig
from trainables.core.model_source import ModelSource
from trainables.data.sets.prepare import prepare
from trainables.training.inputs import Inputs

SHAPE = {
    "vocab_size": 320,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.2,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
"""Of a small Llama over the tokens of `tiny_tokenizer`."""


def make_chat_model(folder: Path, context: int = 128, **settings) -> Path:
    """A Llama of 2 layers with random weights, and a tokenizer with a chat template whose
    end-of-turn token is not its eos."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = {**SHAPE, "max_position_embeddings": context, **settings}
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(**shape)).save_pretrained(folder)
    tiny_tokenizer(chat_template=CHATML).save_pretrained(folder)
    return folder


def sums(count: int) -> list[dict[str, str]]:
    """Questions of very different lengths with one right answer each."""
    return [
        {"instruction": f"{'please ' * (n % 5)}add {n} and {n % 7}", "output": str(n + n % 7)}
        for n in range(count)
    ]


def chat_trial(folder: Path, **params) -> TrialConfig:
    """A trial on the chats in `folder`, with `params` (`lora__rank` for "lora.rank") changed."""
    trial = TrialConfig(
        model=str(folder / "model"),
        data={"train": str(folder / "train.jsonl"), "validation": str(folder / "ask.jsonl")},
        precision="fp32",
        budget={"steps": 4, "evaluations": 2},
        batch_size=8,
        micro_batch_size=4,
        learning_rate=1e-2,
        lora={"rank": 4},
        seed=11,
        evaluation={"metrics": ["eval_exact_match"], "max_new_tokens": 8},
    )
    return trial.with_params({name.replace("__", "."): value for name, value in params.items()})


def make_chats(folder: Path, rows: list | None = None, **model) -> Inputs:
    """Model and data in `folder`, prepared for trials of `chat_trial`."""
    make_chat_model(folder / "model", **model)
    rows = rows or sums(40)
    write_lines(folder / "train.jsonl", rows)
    write_lines(folder / "ask.jsonl", rows[:13])
    config = chat_trial(folder)
    data = prepare(config, config.model, folder / "cache")
    return Inputs(ModelSource(config.model), train=data.train, validation=data.validation)
