"""All checks, the most important first, since a deadline drops the last."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Check:
    """A module to run in its own process, for at most `seconds`. `needs` are packages."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    seconds: float = 60.0
    needs: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The kind of check, shared by several."""
        return self.module.rpartition(".")[2]


_ONLY_ON_GPU = {"fp16", "flex", "flash_attention_2", "--compile"}

REHEARSAL = 4.0
"""Factor on a check's time limit on a CPU, which may be busy with other work."""


def checks(tiny: bool, suite: str = "check") -> list[Check]:
    """All checks of a suite, in order; rehearsals omit what is for GPUs only."""
    found = SUITES[suite]
    if tiny:
        kept = [each for each in found if not _ONLY_ON_GPU & {*each.arguments}]
        return [replace(each, seconds=REHEARSAL * each.seconds) for each in kept]
    return list(found)


def _check(name: str, seconds: float = 60.0, needs: tuple[str, ...] = ()) -> Check:
    return Check(name, f"benchmarks.gpu.{name}", (), seconds, needs)


def _trial(
    method: str, precision: str, *needs: str, slot: bool = False, kernel: tuple[str, ...] = ()
) -> Check:
    arguments = ["--method", method, "--precision", precision, *(["--slot"] if slot else [])]
    name = f"{method} {precision}{' in a slot' if slot else ''}"
    named = " ".join([name, *(part.removeprefix("--") for part in kernel)])
    return Check(named, "benchmarks.gpu.trial", (*arguments, *kernel), needs=needs)


_ON_GPU = (
    _check("model", seconds=90),
    _trial("lora", "bf16"),
    _trial("qlora", "bf16", "bitsandbytes"),
    _trial("full", "bf16"),
    _trial("lora", "bf16", kernel=("--compile",)),
    _trial("lora", "bf16", kernel=("--attention", "flex")),
    _trial("lora", "bf16", "flash_attn", kernel=("--attention", "flash_attention_2")),
    _check("launches"),
    _check("overflow"),
    _check("series", seconds=90),
    _check("grpo"),
    _check("agreement"),
    _check("variants", seconds=90),
    _trial("lora", "fp16"),
    _trial("full", "fp16"),
    _trial("qlora", "fp16", "bitsandbytes"),
    _check("paging", needs=("bitsandbytes",)),
    _trial("lora", "bf16", slot=True),
    _check("resume"),
    _check("offload", seconds=90, needs=("deepspeed",)),
)


def _lanes(
    model: str,
    method: str,
    lanes: int,
    rows: int,
    length: int,
    goal: str,
    seconds: float,
    *more: str,
) -> Check:
    sizes = ["--lanes", str(lanes), "--rows", str(rows), "--length", str(length)]
    arguments = ("--model", model, "--method", method, *sizes, "--goal", goal, *more)
    size = "8B" if model == "large" else "0.5B"
    name = f"{size} {method}, {lanes} lanes of {rows} x {length}"
    needs = ("bitsandbytes",) if method == "qlora" else ()
    return Check(name, "benchmarks.gpu.lanes", arguments, seconds, needs)


_OF_LANES = (
    _check("model", seconds=60),
    _check("floor", seconds=45),
    _lanes("main", "lora", 16, 1, 256, "8 times one lane", 60),
    _lanes("main", "lora", 8, 2, 256, "4 times one lane, 2.5 compiled", 80, "--compiled"),
    _check("large_model", seconds=80),
    _lanes("large", "qlora", 8, 1, 512, "1.8 times one lane", 75),
    _lanes("large", "lora", 4, 4, 512, "auto not 3% slower", 75),
)

SUITES = {"check": _ON_GPU, "lanes": _OF_LANES}
"""The checks of each script."""
