"""What models of known sizes need, for the rules of thumb that users bring.

    python -m benchmarks.planning.known_models [--models 7B 33B] [--lengths 512 2048]

Builds no weights: the shapes of Llamas, and passes of tensors without memory. Prints a Markdown
table of the bytes for tensors on one GPU, with bf16, gradient checkpointing and micro-batches of 1.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trainables.config.trial import TrialConfig

MODELS: Mapping[str, Mapping[str, int]] = {
    "7B": {"hidden_size": 4096, "intermediate_size": 11008, "heads": 32, "layers": 32},
    "33B": {"hidden_size": 6656, "intermediate_size": 17920, "heads": 52, "layers": 60},
}
"""Llamas of 2023, each of 32,000 words and without grouped queries."""

WAYS: Mapping[str, Mapping[str, Any]] = {
    "full": {"method": "full", "optimizer": {"name": "adamw_fused"}},
    "lora": {"method": "lora", "lora": {"rank": 16}, "optimizer": {"name": "adamw_fused"}},
    "qlora": {"method": "qlora", "lora": {"rank": 16}, "optimizer": {"name": "paged_adamw_8bit"}},
}


def main() -> None:
    """Plan each method for each model and length, and print the table."""
    options = _options()
    print("| model | method | " + " | ".join(f"{n:,} tokens" for n in options.lengths) + " |")
    print("| --- | --- |" + " --- |" * len(options.lengths))
    for model in options.models:
        with tempfile.TemporaryDirectory() as folder:
            _make(Path(folder), MODELS[model], max(options.lengths))
            for way in options.ways:
                needs = [f"{_need(Path(folder), way, n) / 2**30:.1f} GB" for n in options.lengths]
                print(f"| {model} | {way} | {' | '.join(needs)} |", flush=True)


def _make(folder: Path, shape: Mapping[str, int], longest: int) -> None:
    """A config, a tokenizer and an example, without weights."""
    from transformers import LlamaConfig

    from benchmarks.tiny_inputs import make_tokenizer, sequence
    from trainables.data.tokens.examples import Example, write

    config = LlamaConfig(
        vocab_size=32_000,
        hidden_size=shape["hidden_size"],
        intermediate_size=shape["intermediate_size"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        max_position_embeddings=longest,
    )
    config.save_pretrained(folder / "model")
    make_tokenizer(folder / "model")
    words = sequence(np.arange(2, 34))
    for name in ("train", "validation"):
        write(folder / name, [Example((words,))])


def _need(folder: Path, way: str, length: int) -> int:
    from benchmarks.tiny_inputs import inputs_in
    from trainables.planning.planner import Planner

    inputs = inputs_in(folder, "sft", folder / "model")
    config = TrialConfig.model_validate(
        {
            "model": inputs.model.name,
            "data": {"train": "made here"},
            "precision": "bf16",
            "gradient_checkpointing": True,
            "micro_batch_size": 1,
            **WAYS[way],
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Planner(inputs).of_length(config, 1, length).peak(1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", nargs="*", choices=tuple(MODELS), default=tuple(MODELS))
    parser.add_argument("--ways", nargs="*", choices=tuple(WAYS), default=tuple(WAYS))
    parser.add_argument("--lengths", nargs="*", type=int, default=(512, 2048))
    return parser.parse_args()


if __name__ == "__main__":
    main()
