"""Which method fits on which card, over how many GPUs, and which of them to take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sweeps.planning.cards import Card
from sweeps.spec.spec import SweepSpec
from trainables.config.deepspeed_config import DeepSpeedConfig
from trainables.config.trial import TrialConfig
from trainables.planning.estimate import Planner, usable
from trainables.training.inputs import Prepared

_METHODS = ("full", "lora", "qlora")
WORKERS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Fit:
    """A method on a card: the fewest workers with which it fits, its ZeRO stage (None: the plain
    trainer), and the most sequences of the longest kind at once."""

    card: Card
    method: str
    workers: int
    zero_stage: int | None
    micro_batch: int


def fits(
    spec: SweepSpec, prepared: Prepared, cards: Sequence[Card], workers: Sequence[int] = WORKERS
) -> list[Fit]:
    """The first way in which each method fits on each card, over one of these numbers of workers;
    methods that fit nowhere are absent."""
    planner = Planner(prepared.inputs)
    found = []
    for card in cards:
        for method in _METHODS:
            first = next(_ways(spec.trial, method, card, planner, workers), None)
            found += [first] if first else []
    return found


def recommended(found: Sequence[Fit], card: Card) -> Fit | None:
    """Full fine-tuning where one GPU has room for it, else LoRA, else QLoRA, else what fits over
    several GPUs, with the fewest."""
    of_card = [each for each in found if each.card == card]
    return min(of_card, key=lambda each: (each.workers, _METHODS.index(each.method)), default=None)


def _ways(
    trial: TrialConfig, method: str, card: Card, planner: Planner, counts: Sequence[int]
) -> Iterator[Fit]:
    """The ways that fit, the simplest first."""
    room = usable(card.memory)
    for workers in counts:
        for stage in (None,) if workers == 1 else (2, 3):
            engine = None if stage is None else DeepSpeedConfig(zero_stage=stage)
            values = {"method": method, "optimizer": {"name": "adamw"}}
            config = trial.with_params(values).model_copy(update={"deepspeed": engine})
            most = planner.estimate(config, workers).largest_micro_batch(room)
            if most:
                yield Fit(card, method, workers, stage, most)
