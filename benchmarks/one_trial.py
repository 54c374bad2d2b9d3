"""One trial on whatever device there is, without Ray: tokens/s, memory, FLOPs utilisation.

    python -m benchmarks.one_trial [--method lora] [--precision bf16] [--tiny]

The model has random weights, about 0.5B parameters by default. FLOPs per token are those of the
model's own arithmetic (PaLM, Chowdhery et al. 2022, arXiv:2204.02311, appendix B): 6 per parameter
in full fine-tuning; 4 with LoRA, whose frozen weights need no gradients of their own; plus
12 * layers * hidden * length for attention. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from sweeps.dry_run import Stopwatch
from trainables.config import TrialConfig
from trainables.data.sequences import TokenSequence, write
from trainables.evaluation import Ending
from trainables.finetune import Workshop
from trainables.inputs import Inputs

PEAK_FLOPS = {"H100": 989e12, "H200": 989e12, "A100": 312e12}
"""Dense bf16 of the SXM models, from NVIDIA's data sheets; others are not known here."""

WARM_UP = 3


def main() -> None:
    """Build the model, train the trial, print what it measured."""
    options = _options()
    folder = Path(tempfile.mkdtemp())
    parameters = _make_model(folder / "model", options)
    inputs = _make_data(folder, options)
    config = TrialConfig.model_validate(
        {
            "model": str(folder / "model"),
            "data": {"train": "synthetic", "max_length": options.length},
            "method": options.method,
            "precision": options.precision,
            "batch_size": options.batch_size,
            "micro_batch_size": options.batch_size,
            "budget": {"steps": options.steps, "evaluations": 1},
        }
    )
    watch = Watch()
    outcome = Workshop(inputs).train(config, watch)
    seconds = statistics.median(
        later - earlier for earlier, later in pairwise(watch.times[WARM_UP:])
    )
    rate = options.batch_size * options.length / seconds
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    print(
        json.dumps(
            {
                "device": device,
                "parameters": parameters,
                "trainable_parameters": outcome.cost.trainable_parameters,
                "seconds_per_step": round(seconds, 4),
                "tokens_per_second": round(rate, 1),
                "peak_memory_mib": outcome.cost.peak_memory_bytes >> 20,
                "model_flops_utilisation": _utilisation(device, rate, parameters, options),
            },
            indent=1,
        )
    )


class Watch(Stopwatch):
    """A stopwatch whose single times can be read, synchronised with the device."""

    def __init__(self) -> None:
        super().__init__()
        self.times = self._steps

    def asked_to_end(self) -> Ending | None:
        """Wait for the device before looking at the clock."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return super().asked_to_end()


def _utilisation(device: str, rate: float, parameters: int, options: Any) -> float | None:
    peak = next((flops for name, flops in PEAK_FLOPS.items() if name in device), None)
    if peak is None:
        return None
    per_parameter = 6 if options.method == "full" else 4
    attention = 12 * options.layers * options.hidden * options.length
    return round(rate * (per_parameter * parameters + attention) / peak, 4)


def _make_model(folder: Path, options: Any) -> int:
    config = LlamaConfig(
        vocab_size=options.vocabulary,
        hidden_size=options.hidden,
        intermediate_size=options.hidden * 11 // 4,
        num_hidden_layers=options.layers,
        num_attention_heads=options.heads,
        num_key_value_heads=options.heads,
        max_position_embeddings=options.length,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder)
    words = Tokenizer(WordLevel({"a": 0, "</s>": 1}, unk_token="a"))
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>").save_pretrained(folder)
    return int(sum(p.numel() for p in model.parameters()))


def _make_data(folder: Path, options: Any) -> Inputs:
    rng = np.random.default_rng(0)

    def sequence() -> TokenSequence:
        tokens = rng.integers(2, options.vocabulary, options.length)
        return TokenSequence.of(tokens.tolist(), [True] * options.length)

    for name, count in (("train", options.batch_size * 2), ("validation", options.batch_size)):
        write(folder / name, [sequence() for _ in range(count)])
    return Inputs(str(folder / "model"), None, folder / "train", folder / "validation")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", choices=("lora", "full"), default="lora")
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    parser.add_argument("--hidden", type=int, default=1152)
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--heads", type=int, default=18)
    parser.add_argument("--vocabulary", type=int, default=32_000)
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--tiny", action="store_true", help="a few thousand parameters, for a try")
    options = parser.parse_args()
    if options.tiny:
        vars(options).update(hidden=64, layers=2, heads=4, vocabulary=256, length=64, steps=8)
    return options


if __name__ == "__main__":
    main()
