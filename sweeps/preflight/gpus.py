"""A machine's GPUs against what a sweep needs of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeps.planning.sizes import GIB
from sweeps.preflight.facts import Capability, Facts, Gpu
from sweeps.preflight.finding import Finding, note, wrong
from sweeps.preflight.needs import Needs
from trainables.config.trial import TrialConfig
from trainables.planning.room import usable

_NOTED = GIB
"""Bytes of other processes on a GPU that are worth a note."""

_HIDE = "hide that GPU (CUDA_VISIBLE_DEVICES, before Ray starts there)"

_ARCHITECTURE = re.compile(r"(sm|compute)_(\d+)(\d)[a-z]?")

_FIRST: dict[str, Capability] = {
    "4-bit and 8-bit states of bitsandbytes": (6, 0),
    "compile (Triton)": (7, 0),
    "attention: flash_attention_2": (8, 0),
}
"""The first generations of NVIDIA GPUs on which each of these runs, by their projects' pages."""


@dataclass(frozen=True)
class Offer:
    """How many GPUs Ray offers on a machine, and whether some are taken by its other programs."""

    gpus: float
    taken: bool = False


def check_gpus(facts: Facts, needs: Needs, offer: Offer) -> Iterator[Finding]:
    """Findings about the GPUs of one machine; nothing where all is well, or trials use none."""
    if not needs.share:
        return
    yield from check_count(facts, offer)
    for gpu in _different(facts.gpus):
        yield from _too_old(facts, gpu, needs.trials)
    for gpu in facts.gpus:
        yield from _without_room(facts, gpu, needs, offer)


def check_count(facts: Facts, offer: Offer) -> Iterator[Finding]:
    """GPUs that Ray offers and torch does not see are wrong; those that Ray does not offer are
    noted."""
    build = facts.torch
    seen = build.seen if build else 0
    if offer.gpus > seen:
        message = f"{facts.host}: Ray offers {offer.gpus:g} GPUs, but torch sees {seen}"
        if build and facts.gpus:
            driver = facts.gpus[0].driver
            message += f"; it is built for CUDA {build.cuda}, and the driver is {driver}"
        remedy = "check its driver with nvidia-smi, and install a torch build for it"
        yield wrong("gpus", message, remedy)
    elif offer.gpus < seen:
        message = f"{facts.host}: torch sees {seen} GPUs, but Ray offers {offer.gpus:g}"
        yield note("gpus", message, "trials use the GPUs that Ray offers")


def _too_old(facts: Facts, gpu: Gpu, trials: Sequence[TrialConfig]) -> Iterator[Finding]:
    if gpu.capability == (0, 0):
        return  # unknown to an old driver
    generation = f"compute capability {gpu.capability[0]}.{gpu.capability[1]}"
    called = f"{facts.host}: {gpu.name} ({generation})"
    built = facts.torch.architectures if facts.torch else ()
    if built and not any(_runs_on(each, gpu.capability) for each in built):
        message = f"{called} cannot run this build of torch ({', '.join(built)})"
        yield wrong("gpu kernels", message, f"install a build of torch for it, or {_HIDE}")
    for what in dict.fromkeys(each for trial in trials for each in _asked(trial)):
        if gpu.capability < _FIRST[what]:
            needed = ".".join(map(str, _FIRST[what]))
            message = f"{called} is too old for {what}, which need {needed}"
            yield wrong("gpu kernels", message, f"leave them out, or {_HIDE}")
    for remark in dict.fromkeys(each for trial in trials for each in _slow(trial, gpu)):
        yield note("gpu precision", f"{facts.host}: {remark}")


def _asked(trial: TrialConfig) -> Iterator[str]:
    bits, compiled, flash = _FIRST
    if trial.tunes.quantizes or trial.optimizer.name.endswith("8bit"):
        yield bits
    if trial.compile:
        yield compiled
    if trial.attention == "flash_attention_2":
        yield flash


def _slow(trial: TrialConfig, gpu: Gpu) -> Iterator[str]:
    from trainables.training.slow_precision import asked, old_card

    for field, precision in asked(trial):
        if said := old_card(field, precision, gpu.name, gpu.capability):
            yield said


def _runs_on(built: str, capability: Capability) -> bool:
    """Machine code runs on later GPUs of its generation, intermediate code on all later ones."""
    found = _ARCHITECTURE.fullmatch(built)
    if not found:
        return True  # not NVIDIA's
    code = int(found[2]), int(found[3])
    return code <= capability and (found[1] == "compute" or code[0] == capability[0])


def _without_room(facts: Facts, gpu: Gpu, needs: Needs, offer: Offer) -> Iterator[Finding]:
    together = max(1, int(1 / needs.share + 1e-9))
    wanted = None if needs.peak is None else needs.peak * together
    lacks = wanted is not None and wanted > usable(gpu.free)
    if not lacks and gpu.memory - gpu.free < _NOTED:
        return
    message = (
        f"GPU {gpu.number} ({gpu.name}) of {facts.host} has {_gb(gpu.free)} of "
        f"{_gb(gpu.memory)} free{_held(gpu)}"
    )
    remedy = f"end what holds it, or {_HIDE}"
    if not lacks or wanted is None:
        yield note("gpu memory", message)
        return
    message += f", and a trial needs up to {_gb(wanted)} and CUDA's own"
    # Which of the GPUs Ray offers is unknown here; its own programs may end in time.
    doubtful = offer.taken or offer.gpus < len(facts.gpus)
    remedy += f", or plan for less (slots.gpu: {max(1, int(gpu.free / GIB))}GB)"
    yield (note if doubtful else wrong)("gpu memory", message, remedy)


def _held(gpu: Gpu) -> str:
    if not gpu.holders:
        return ""
    each = (f"{each.name} (pid {each.pid}) holds {_gb(each.used)}" for each in gpu.holders)
    return f": {', '.join(each)}"


def _different(gpus: Sequence[Gpu]) -> list[Gpu]:
    return list({(gpu.name, gpu.capability): gpu for gpu in reversed(gpus)}.values())


def _gb(size: int) -> str:
    return f"{size / GIB:.1f} GB"
