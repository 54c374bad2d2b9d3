"""Test of combinations of methods, objectives, precisions, optimizers and ZeRO stages.

    python -m benchmarks.combinations [--all] [--tables NAME ...] [--objectives NAME ...]

Trains each pair for two steps on a tiny Llama with random weights: in one process without
DeepSpeed, on two ranks for the ZeRO stages. Combinations refused by combinations.py run only with
--all, which shows why they are refused. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from trainables.config.combinations import refusals
from trainables.config.optimizer_config import OptimizerName
from trainables.config.trial import Precision, TrialConfig
from trainables.methods.registry import METHODS as KINDS
from trainables.objectives import registry

METHODS: Mapping[str, dict[str, Any]] = {
    **{name: {"method": name} for name in KINDS},
    "lora, dora": {"lora.dora": True},
    "lora, pissa": {"lora.init": "pissa"},
    "lora, lora+": {"lora.learning_rate_ratio": 4.0},
    "qlora, dora": {"method": "qlora", "lora.dora": True},
    "qlora, pissa": {"method": "qlora", "lora.init": "pissa"},
    "qlora, lora+": {"method": "qlora", "lora.learning_rate_ratio": 4.0},
}
REWARDED = {"rl.rewards": {"eval_ended": 1.0}, "evaluation.max_new_tokens": 4}
OBJECTIVES: Mapping[str, dict[str, Any]] = {
    name: {"objective": name, **(REWARDED if kind.rolls_out else {})}
    for name, kind in registry.OBJECTIVES.items()
    if kind.trains
}
PRECISIONS = {name: {"precision": name} for name in get_args(Precision)}
OPTIMIZERS = {name: {"optimizer.name": name} for name in get_args(OptimizerName)}
STAGES = {f"ZeRO-{stage}": {"deepspeed.zero_stage": stage} for stage in range(4)}
OFFLOAD: Mapping[str, dict[str, Any]] = {
    "ZeRO-2, optimizer offloaded": {
        "deepspeed.zero_stage": 2,
        "deepspeed.offload_optimizer": "cpu",
    },
    "ZeRO-3, all offloaded": {
        "deepspeed.zero_stage": 3,
        "deepspeed.offload_optimizer": "cpu",
        "deepspeed.offload_parameters": "cpu",
    },
}
EXTRAS: Mapping[str, dict[str, Any]] = {
    "gradient_checkpointing": {"gradient_checkpointing": True},
    "neftune_noise": {"neftune_noise": 5.0},
}

TABLES: Mapping[str, tuple[Mapping[str, dict[str, Any]], Mapping[str, dict[str, Any]]]] = {
    "method x objective": (METHODS, OBJECTIVES),
    "method x precision": (METHODS, PRECISIONS),
    "method x ZeRO stage": (METHODS, STAGES),
    "method x extras": (METHODS, EXTRAS),
    "objective x ZeRO stage, lora": (OBJECTIVES, STAGES),
    "objective x ZeRO stage, full": (
        {name: {**params, "method": "full"} for name, params in OBJECTIVES.items()},
        STAGES,
    ),
    "objective x ZeRO stage, lora in bf16": (
        {name: {**params, "precision": "bf16"} for name, params in OBJECTIVES.items()},
        STAGES,
    ),
    "objective x precision, lora": (OBJECTIVES, PRECISIONS),
    "objective x precision, full": (
        {name: {**params, "method": "full"} for name, params in OBJECTIVES.items()},
        PRECISIONS,
    ),
    "precision x ZeRO stage, lora": (PRECISIONS, STAGES),
    "precision x ZeRO stage, full": (
        {name: {**params, "method": "full"} for name, params in PRECISIONS.items()},
        STAGES,
    ),
    "optimizer x precision, full": (
        {name: {**params, "method": "full"} for name, params in OPTIMIZERS.items()},
        PRECISIONS,
    ),
    "optimizer x LoRA+": (OPTIMIZERS, {"lora+": METHODS["lora, lora+"]}),
    "method x offload": (METHODS, OFFLOAD),
    "optimizer x offload, full": (
        {name: {**params, "method": "full"} for name, params in OPTIMIZERS.items()},
        OFFLOAD,
    ),
    "optimizer x ZeRO stage, full": (
        {name: {**params, "method": "full"} for name, params in OPTIMIZERS.items()},
        STAGES,
    ),
}

BASE = TrialConfig.model_validate(
    {
        "model": "tiny",
        "data": {"train": "made here"},
        "precision": "fp32",
        "budget": {"steps": 2, "evaluations": 1},
        "batch_size": 4,
        "micro_batch_size": 2,
        "lora": {"rank": 4},
    }
)


def main() -> None:
    """Run all pairs and print their tables."""
    options = _options()
    if options.worker is not None:
        _work(options.worker, options.all)
        return
    wanted = {name: TABLES[name] for name in options.tables or TABLES}
    if options.objectives:
        wanted = _narrowed(wanted, options.objectives)
    results: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for ranks, keys in (_by_ranks(wanted)).items():
            results |= _run(Path(folder) / str(ranks), ranks, keys, options.all)
    for name, (rows, columns) in wanted.items():
        print(f"\n### {name}\n")
        print("\n".join(_table(name, rows, columns, results)))


def _narrowed(tables: Mapping[str, Any], objectives: Iterable[str]) -> dict[str, Any]:
    """The rows and columns of these objectives, of the tables that have objectives."""
    found = {}
    for name, sides in tables.items():
        if any(side.keys() == OBJECTIVES.keys() for side in sides):
            found[name] = tuple(
                {each: side[each] for each in objectives}
                if side.keys() == OBJECTIVES.keys()
                else side
                for side in sides
            )
    return found


def _by_ranks(wanted: Mapping[str, Any]) -> dict[int, list[str]]:
    keys: dict[int, list[str]] = {1: [], 2: []}
    for name, (rows, columns) in wanted.items():
        for row in rows:
            for column in columns:
                keys[2 if column.startswith("ZeRO") else 1].append(f"{name}|{row}|{column}")
    return keys


def _run(folder: Path, ranks: int, keys: list[str], everything: bool) -> dict[str, str]:
    """Run the keys in successive process groups, so that a crash costs only one combination."""
    folder.mkdir()
    _make_all_inputs(folder)
    done: dict[str, str] = {}
    while remaining := [key for key in keys if key not in done]:
        (folder / "keys.json").write_text(json.dumps(remaining))
        (folder / "results.jsonl").unlink(missing_ok=True)
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += [f"--nproc-per-node={ranks}", "-m", "benchmarks.combinations"]
        command += ["--worker", str(folder), *(["--all"] if everything else [])]
        environment = {**os.environ, "DS_ACCELERATOR": "cpu", "OMP_NUM_THREADS": "1"}
        with (folder / "log.txt").open("a") as log:
            group = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        last, stuck = _watch(group, folder)
        done |= last
        told = any(result.startswith("FAILED") for result in last.values())
        if len(last) < len(remaining) and (stuck or not told):
            done[remaining[len(last)]] = "FAILED: hangs" if stuck else "FAILED: the process died"
    return done


def _make_all_inputs(folder: Path) -> None:
    # Not in the ranks: there, only the first rank's save_pretrained writes anything.
    from benchmarks.tiny_inputs import make_inputs, make_model

    make_model(folder / "model")
    for objective in OBJECTIVES:
        make_inputs(folder / objective, objective, folder / "model")


def _watch(group: subprocess.Popen[bytes], folder: Path) -> tuple[dict[str, str], bool]:
    """Wait for the group; one without output for a minute and a half hangs."""
    file, seen, since = folder / "results.jsonl", 0, time.monotonic()
    while group.poll() is None:
        time.sleep(0.5)
        size = file.stat().st_size if file.exists() else 0
        if size != seen:
            seen, since = size, time.monotonic()
        elif time.monotonic() - since > 90:
            group.terminate()
            group.wait()
            return _read(file), True
    return _read(file), False


def _read(file: Path) -> dict[str, str]:
    lines = file.read_text().splitlines() if file.exists() else []
    return dict(json.loads(line) for line in lines)


def _work(folder: Path, everything: bool) -> None:
    """The work of each rank: all combinations, in the same order."""
    import torch.distributed as dist

    from trainables.core import ranks

    if int(os.environ["WORLD_SIZE"]) > 1:
        import deepspeed

        deepspeed.init_distributed("gloo", verbose=False)
    workshops: dict[str, Any] = {}
    for key in json.loads((folder / "keys.json").read_text()):
        result = _tried(key, folder, workshops, everything)
        if ranks.rank() == 0:
            with (folder / "results.jsonl").open("a") as file:
                file.write(json.dumps([key, result]) + "\n")
        if result.startswith("FAILED") and ranks.world_size() > 1:
            time.sleep(3)  # time for the first rank to write it down
            os._exit(1)  # since the other may wait inside a collective
    if dist.is_initialized():
        dist.destroy_process_group()


def _tried(key: str, folder: Path, workshops: dict[str, Any], everything: bool) -> str:
    from trainables.core.errors import RefusedError
    from trainables.core.evaluation import Monitor

    config = _config(key)
    refused = refusals(config)
    if refused and not everything:
        return f"refused: {refused[0].place}"
    try:
        workshop = _workshop(config.objective, folder, workshops)
        outcome = workshop.train(config, Monitor())
    except RefusedError as error:
        return f"refused: {str(error).partition(':')[0]}"
    except Exception as error:  # noqa: BLE001 - the error is the result
        traceback.print_exc()
        return f"FAILED: {type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
    return "ran" if outcome.ending.value == "complete" else f"FAILED: {outcome.error}"


def _workshop(objective: str, folder: Path, workshops: dict[str, Any]) -> Any:
    from benchmarks.tiny_inputs import inputs_in
    from trainables.training.workshop import Workshop

    if objective not in workshops:
        workshops[objective] = Workshop(inputs_in(folder / objective, objective, folder / "model"))
    return workshops[objective]


def _config(key: str) -> TrialConfig:
    name, row, column = key.split("|")
    rows, columns = TABLES[name]
    return BASE.with_params({**rows[row], **columns[column]})


def _table(
    name: str, rows: Iterable[str], columns: Iterable[str], results: Mapping[str, str]
) -> list[str]:
    heads = list(columns)
    lines = [f"| | {' | '.join(heads)} |", f"| --- |{' --- |' * len(heads)}"]
    for row in rows:
        cells = [results[f"{name}|{row}|{column}"] for column in heads]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return lines


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--all", action="store_true", help="run what is refused, too")
    parser.add_argument("--tables", nargs="*", choices=tuple(TABLES))
    parser.add_argument("--objectives", nargs="*", choices=tuple(OBJECTIVES), help="only these")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
