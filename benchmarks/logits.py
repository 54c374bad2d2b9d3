"""A training step with logits at the targets only against whole logits: seconds and peak memory.

    python -m benchmarks.logits [--words 151936 512] [--rows 8] [--length 256] [--targets 0.4]

LoRA on a Llama of 2 layers with random weights, fp32. Each way runs in processes of its own, in
alternating rounds, since a process's peak memory never falls. Without a GPU, seconds are processor
time, which other work on the machine lengthens little. The losses of both ways must agree. Prints
one JSON document.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

import torch

WARM_UP = 1
"""Steps that are not timed."""


def main() -> None:
    """Measure both ways alternately, for each size of vocabulary."""
    options = _options()
    if options.way:
        print(json.dumps(_measured(options)))
        return
    report = {str(words): _compared(options, words) for words in options.words}
    print(json.dumps(report, indent=1))


def _compared(options: argparse.Namespace, words: int) -> dict[str, Any]:
    runs: dict[str, list[dict[str, float]]] = {"whole": [], "targets": []}
    for _ in range(options.rounds):
        for way, each in runs.items():
            each.append(_in_own_process(way, words))
    losses = {way: each[0]["loss"] for way, each in runs.items()}
    assert abs(losses["whole"] - losses["targets"]) < 1e-5 * losses["whole"], losses
    return {
        way: {
            "seconds_a_step": round(statistics.median(run["seconds"] for run in each), 4),
            "peak_gigabytes": round(max(run["peak"] for run in each) / 1e9, 2),
            "loss": losses[way],
        }
        for way, each in runs.items()
    }


def _in_own_process(way: str, words: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.logits", *sys.argv[1:], "--way", way]
    # The last of two values counts.
    output = subprocess.run(
        [*command, "--words", str(words)], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(output.stdout.splitlines()[-1])
    return found


def _measured(options: argparse.Namespace) -> dict[str, float]:
    """Seconds of a step, the loss of the first, and the peak of memory above the model's own."""
    from trainables.losses.causal_lm import CausalLm
    from trainables.losses.head_check import apart
    from trainables.losses.tokens import TokenLosses

    torch.set_num_threads(options.threads)
    model = _model(options)
    head = apart(model.get_base_model()) if options.way == "targets" else None
    loss = CausalLm(tokens=TokenLosses(head))
    assert (head is not None) == (options.way == "targets"), "a Llama's head can be asked apart"
    batch, items = _batch(options)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3)
    before, losses, times = _peak(), [], []
    for _ in range(WARM_UP + options.steps):
        began = _now()
        found = loss.loss(model, batch, items)
        found.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(found))
        times.append(_now() - began)
    return {
        "seconds": statistics.median(times[WARM_UP:]),
        "loss": losses[0],
        "peak": float(_peak() - before if torch.cuda.is_available() else _peak()),
    }


def _model(options: argparse.Namespace) -> Any:
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=options.words[-1],
        hidden_size=options.hidden,
        intermediate_size=4 * options.hidden,
        num_hidden_layers=2,
        num_attention_heads=options.hidden // 64,
        num_key_value_heads=options.hidden // 64,
        use_cache=False,
    )
    model = LlamaForCausalLM(config).requires_grad_(False).to(_device())
    return get_peft_model(model, LoraConfig(r=8, target_modules=["q_proj", "v_proj"])).train()


def _batch(options: argparse.Namespace) -> tuple[Any, torch.Tensor]:
    import numpy as np

    from trainables.data.tokens.batches import collate
    from trainables.data.tokens.examples import Example
    from trainables.data.tokens.sequences import TokenSequence
    from trainables.losses.batch import to_batch, to_device

    rng = np.random.default_rng(0)
    asked = round(options.length * (1 - options.targets))
    marks = [place >= asked for place in range(options.length)]
    tokens = rng.integers(0, options.words[-1], (options.rows, options.length)).tolist()
    examples = [Example((TokenSequence.of(row, marks),)) for row in tokens]
    items = torch.tensor(options.rows * sum(marks), device=_device())
    return to_device(to_batch(collate(examples, 0)), _device()), items


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def _peak() -> int:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _options() -> Any:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--words", type=int, nargs="+", default=[151_936, 512])
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--targets", type=float, default=0.4, help="share of all tokens")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--way", choices=("whole", "targets"), help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
