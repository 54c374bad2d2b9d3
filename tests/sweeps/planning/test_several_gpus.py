"""Which method, over how many GPUs: models of known sizes on 24 GB, in closed form."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from sweeps.planning.cards import card
from sweeps.planning.fit import Fit, Fits, _ways, reason, recommended
from sweeps.report.plan_report import fit_report
from trainables.config.deepspeed_config import DeepSpeedConfig
from trainables.config.trial import TrialConfig
from trainables.planning.activations import Activations
from trainables.planning.curves import Curve
from trainables.planning.estimate import Estimate
from trainables.planning.inventory import Inventory, Weight, packed_bytes
from trainables.planning.states import states_of

GPU = card("24GB")
TRIAL = TrialConfig.model_validate({"model": "unused", "objective": "toy", "precision": "bf16"})
PASSES = Activations(Curve.even(2**30, 2**29), Curve.even(2**30, 2**29))
ADAPTER = Weight((40_000_000,), 4)


class ClosedForm:
    """The states of a model of so many billions of parameters, and passes of one size."""

    def __init__(self, billions: float) -> None:
        self._elements = int(billions * 1e9)

    def estimate(self, config: TrialConfig, workers: int) -> Estimate:
        weights = Weight((self._elements,), 2)
        packed = packed_bytes(self._elements, double=True)
        inventory = {
            "full": Inventory((), (), 0, (weights,)),
            "lora": Inventory((weights,), (), 0, (ADAPTER,)),
            "qlora": Inventory((), (self._elements,), packed, (ADAPTER,)),
        }[config.method]
        return Estimate(inventory, states_of(inventory, config, workers), PASSES)


def found(billions: float, *methods: str, most: int = 4) -> list[Fit]:
    """The first way of each method over up to `most` GPUs."""
    planner, counts = ClosedForm(billions), [each for each in (1, 2, 4, 8) if each <= most]
    ways = (next(_ways(TRIAL, each, GPU, planner, counts), None) for each in methods)
    return [each for each in ways if each]


@pytest.mark.parametrize(
    ("billions", "methods", "taken"),
    [
        # 16 GB in bf16: LoRA fits one GPU, and full would need eight.
        (8, ("full", "lora", "qlora"), ("lora", 1, None)),
        # 26 GB in bf16: one GPU by 4 bits, else two that share the weights.
        (13, ("full", "lora", "qlora"), ("qlora", 1, None)),
        (13, ("full", "lora"), ("lora", 2, 3)),
        # 68 GB in bf16, 18 GB in 4 bits.
        (34, ("full", "lora", "qlora"), ("qlora", 1, None)),
        (34, ("full", "lora"), ("lora", 4, 3)),
    ],
)
def test_the_fewest_gpus_of_24_gigabytes_are_taken_and_then_the_method_that_changes_most(
    billions, methods, taken
):
    best = recommended(found(billions, *methods, most=8), GPU)
    assert (best.method, best.workers, best.zero_stage) == taken
    assert best.micro_batch >= 1


def test_full_fine_tuning_takes_the_gpus_that_its_states_need():
    """Mixed-precision Adam holds 16 bytes a parameter: 128 GB of 8 billion."""
    assert not found(8, "full", most=4)
    (eight,) = found(8, "full", most=8)
    assert (eight.workers, eight.engine) == (8, DeepSpeedConfig(zero_stage=3))
    assert GPU.memory > 16 * 8e9 / 8


@pytest.mark.parametrize(
    ("billions", "methods", "why"),
    [
        (8, ("full", "lora", "qlora"), "one GPU is enough; full needs 8"),
        (34, ("full", "lora"), "no method fits fewer GPUs; full does not fit"),
        (0.5, ("full", "lora"), "one GPU is enough; all weights train"),
    ],
)
def test_the_recommended_way_has_its_reason(billions, methods, why):
    ways = found(billions, *methods, most=8)
    assert reason(recommended(ways, GPU), ways) == why


def test_the_table_has_the_first_way_as_recommended_and_the_longest_sequences():
    ways = found(8, "lora", "full", most=8)
    shown = [replace(ways[0], tokens=3000), replace(ways[1], tokens=8192, is_whole=True)]
    console = Console(width=100)
    with console.capture() as said:
        console.print(fit_report(Fits(512, tuple(shown)), [GPU, card("T4")]))
    lines = said.get().splitlines()
    first, second, none = (line for line in lines if line.startswith(("24 GB", "T4")))
    assert "recommended: one GPU is enough; full needs 8" in first and "3,000" in first
    assert "all 8,192" in second and "recommended" not in second
    assert "nothing fits up to 8 GPUs" in none
    assert max(map(len, lines)) <= 100
