"""Which method fits on which card, over how many GPUs, and which of them to take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sweeps.planning.cards import Card
from sweeps.spec.spec import SweepSpec
from trainables.config.deepspeed_config import DeepSpeedConfig
from trainables.config.trial import TrialConfig
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.data.tokens.tokenizer import context_length
from trainables.planning.estimate import Estimate
from trainables.planning.planner import Planner
from trainables.planning.room import usable
from trainables.training.inputs import Prepared

_METHODS = ("full", "lora", "qlora")
WORKER_COUNTS = (1, 2, 4, 8)

_OF_HOST = 0.7
"""Share of a machine's memory for one trial; the rest is for Python, Ray and files."""

_ADAMW = {"optimizer": {"name": "adamw"}}


@dataclass(frozen=True)
class Fit:
    """A method on a card: the fewest workers with which it fits, its engine (None: the plain
    trainer), and the most sequences of the longest kind at once.

    `tokens` are those of the longest sequence that fits alone, up to the model's context, which
    `is_whole` says to be reached; None where that was not asked, or is not known.
    """

    card: Card
    method: str
    workers: int
    engine: DeepSpeedConfig | None
    micro_batch: int
    tokens: int | None = None
    is_whole: bool = False

    @property
    def zero_stage(self) -> int | None:
        """Its ZeRO stage; None without an engine."""
        return self.engine.zero_stage if self.engine else None


@dataclass(frozen=True)
class Fits:
    """What fits on some cards; `longest` are the tokens of the longest training sequence."""

    longest: int
    found: tuple[Fit, ...]


def fits(
    spec: SweepSpec,
    prepared: Prepared,
    cards: Sequence[Card],
    workers: Sequence[int] = WORKER_COUNTS,
    progress: Progress = NO_PROGRESS,
) -> Fits:
    """The first way in which each method fits on each card with AdamW, over one of these numbers of
    workers; methods that fit nowhere are absent. Of each card the recommended one comes first."""
    planner, trial = Planner(prepared.inputs), spec.trial.with_params(_ADAMW)
    context = None if trial.learns.rolls_out else context_length(prepared.inputs.model)
    found: list[Fit] = []
    with progress.phase("planning memory", len(cards) * len(_METHODS), "methods") as gauge:
        for card in cards:
            counts = [count for count in workers if card.most is None or count <= card.most]
            of_card = []
            for method in _METHODS:
                first = next(_ways(trial, method, card, planner, counts), None)
                of_card += [_with_tokens(first, trial, planner, context)] if first else []
                gauge.advance()
            best = recommended(of_card, card)
            found += sorted(of_card, key=lambda fit: fit is not best)
    return Fits(planner.longest(trial), tuple(found))


def _with_tokens(fit: Fit, trial: TrialConfig, planner: Planner, context: int | None) -> Fit:
    """The same with its longest sequence."""
    if context is None:
        return fit
    config = _given(trial, fit.method, fit.engine)
    most = planner.longest_within(
        config, fit.workers, lambda estimate: _room(fit.card, estimate, fit.workers), context
    )
    return replace(fit, tokens=most, is_whole=most >= context)


def recommended(found: Sequence[Fit], card: Card) -> Fit | None:
    """Full fine-tuning where one GPU has room for it, else LoRA, else QLoRA, else what fits over
    several GPUs, with the fewest."""
    of_card = [each for each in found if each.card == card]
    return min(of_card, key=lambda each: (each.workers, _METHODS.index(each.method)), default=None)


def reason(best: Fit, found: Sequence[Fit]) -> str:
    """Why that one is recommended: `one GPU is enough; full needs 2`."""
    counts = {each.method: each.workers for each in found if each.card == best.card}
    said = ["one GPU is enough" if best.workers == 1 else "no method fits fewer GPUs"]
    for name in _METHODS[: _METHODS.index(best.method)]:
        said.append(f"{name} needs {counts[name]}" if name in counts else f"{name} does not fit")
    return "; ".join(said if len(said) > 1 else [*said, "all weights train"])


def chosen(spec: SweepSpec, prepared: Prepared, card: Card, counts: Sequence[int]) -> Fit | None:
    """What `method: auto` takes: as recommended, with the sweep's own optimizer and engine, of the
    methods that its file allows."""
    planner, settings = Planner(prepared.inputs), spec.slots
    engines = None if settings.deepspeed == "auto" else (settings.engine,)
    found = []
    for method in spec.open_methods:
        first = next(_ways(spec.trial, method, card, planner, counts, engines), None)
        found += [first] if first else []
    return recommended(found, card)


def _ways(
    trial: TrialConfig,
    method: str,
    card: Card,
    planner: Planner,
    counts: Sequence[int],
    engines: Sequence[DeepSpeedConfig | None] | None = None,
) -> Iterator[Fit]:
    """The ways that fit, the simplest first."""
    zero = [DeepSpeedConfig(zero_stage=stage) for stage in (2, 3)]
    for workers in counts:
        for engine in engines or ([None] if workers == 1 else zero):
            estimate = planner.estimate(_given(trial, method, engine), workers)
            if most := estimate.largest_micro_batch(_room(card, estimate, workers)):
                yield Fit(card, method, workers, engine, most)


def _given(trial: TrialConfig, method: str, engine: DeepSpeedConfig | None) -> TrialConfig:
    return trial.with_params({"method": method}).model_copy(update={"deepspeed": engine})


def _room(card: Card, estimate: Estimate, workers: int) -> int:
    """The bytes for tensors; a machine without GPUs also keeps there what else goes to its host."""
    if not card.host:
        return usable(card.memory)
    return int(card.memory * _OF_HOST / workers) - estimate.states.host
