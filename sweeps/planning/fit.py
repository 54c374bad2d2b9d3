"""Which method fits on which card, over how many GPUs, and which of them to take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeps.planning.cards import Card
from sweeps.spec.spec import SweepSpec
from trainables.config.deepspeed_config import DeepSpeedConfig
from trainables.config.trial import TrialConfig
from trainables.planning.estimate import Estimate, Planner, usable
from trainables.training.inputs import Prepared

_METHODS = ("full", "lora", "qlora")
WORKER_COUNTS = (1, 2, 4, 8)

_OF_HOST = 0.7
"""Share of a machine's memory for one trial; the rest is for Python, Ray and files."""

_ADAMW = {"optimizer": {"name": "adamw"}}


@dataclass(frozen=True)
class Fit:
    """A method on a card: the fewest workers with which it fits, its engine (None: the plain
    trainer), and the most sequences of the longest kind at once."""

    card: Card
    method: str
    workers: int
    engine: DeepSpeedConfig | None
    micro_batch: int

    @property
    def zero_stage(self) -> int | None:
        """Its ZeRO stage; None without an engine."""
        return self.engine.zero_stage if self.engine else None


def fits(
    spec: SweepSpec,
    prepared: Prepared,
    cards: Sequence[Card],
    workers: Sequence[int] = WORKER_COUNTS,
) -> list[Fit]:
    """The first way in which each method fits on each card with AdamW, over one of these numbers of
    workers; methods that fit nowhere are absent."""
    planner, trial = Planner(prepared.inputs), spec.trial.with_params(_ADAMW)
    found = []
    for card in cards:
        for method in _METHODS:
            first = next(_ways(trial, method, card, planner, workers), None)
            found += [first] if first else []
    return found


def recommended(found: Sequence[Fit], card: Card) -> Fit | None:
    """Full fine-tuning where one GPU has room for it, else LoRA, else QLoRA, else what fits over
    several GPUs, with the fewest."""
    of_card = [each for each in found if each.card == card]
    return min(of_card, key=lambda each: (each.workers, _METHODS.index(each.method)), default=None)


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
            config = trial.with_params({"method": method}).model_copy(update={"deepspeed": engine})
            estimate = planner.estimate(config, workers)
            if most := estimate.largest_micro_batch(_room(card, estimate, workers)):
                yield Fit(card, method, workers, engine, most)


def _room(card: Card, estimate: Estimate, workers: int) -> int:
    """The bytes for tensors; a machine without GPUs also keeps there what else goes to its host."""
    if not card.host:
        return usable(card.memory)
    return int(card.memory * _OF_HOST / workers) - estimate.states.host
