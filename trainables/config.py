"""The configuration of one trial: frozen, strict and light (no torch).

A trial's configuration is a value. `with_params` returns a changed copy, checked anew, so that no
trial can inherit what another one set.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0)]

Objective = Literal["sft", "clm", "toy"]
Method = Literal["full", "lora"]
Precision = Literal["fp32", "bf16"]
ScheduleName = Literal["constant", "linear", "cosine", "wsd"]

METRICS: Mapping[str, tuple[str, ...]] = {
    "sft": ("eval_loss", "eval_perplexity", "eval_token_accuracy"),
    "clm": ("eval_loss", "eval_perplexity", "eval_token_accuracy"),
    "toy": ("eval_loss",),
}
"""What each objective measures at an evaluation point; any of them can be a sweep's metric."""

NOT_SEARCHABLE: Mapping[str, str] = {
    "model": "losses per token of two tokenizers cannot be compared; launch one sweep per model",
    "model_revision": "launch one sweep per revision",
    "objective": "the losses of two objectives cannot be compared; launch one sweep per objective",
    "data": "every trial must be measured on the same sequences; launch one sweep per data set",
    "budget": "trials with unequal budgets cannot be compared",
    "seed": "each trial's seed derives from search.seed and the trial's number",
    "toy": "it describes the landscape, not the trial",
}
"""Fields that a sweep holds still, each with the reason; a name covers the fields below it."""


class Frozen(BaseModel):
    """A strict value: unknown fields are refused, and nothing changes after birth."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(Frozen):
    """Which files are learned from and measured on."""

    train: str | tuple[str, ...] = Field(description="file, or list of files")
    validation: str | Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.05, description="file, or fraction of the training records that is held out"
    )
    max_length: Annotated[int, Field(ge=8)] = Field(
        default=1024, description="tokens of a sequence; longer ones are cut (sft) or split (clm)"
    )
    seed: Seed = Field(default=0, description="of the train/validation split")


class LoraConfig(Frozen):
    """Low-rank adapters (Hu et al. 2021, arXiv:2106.09685); the update is scaled by alpha / rank.

    With alpha fixed the best learning rate hardly depends on the rank (Schulman et al. 2025,
    "LoRA Without Regret"), hence a constant default and not a multiple of the rank.
    """

    rank: PositiveInt = 16
    alpha: PositiveFloat = 32.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    target_modules: Literal["all-linear", "attention", "mlp"] | tuple[str, ...] = "all-linear"


class WsdConfig(Frozen):
    """Warmup-stable-decay (Hu et al. 2024, arXiv:2404.06395)."""

    decay_fraction: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.2, description="share of all steps, at the end, over which the rate falls"
    )


class OptimizerConfig(Frozen):
    """AdamW (Loshchilov & Hutter 2017, arXiv:1711.05101)."""

    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    epsilon: PositiveFloat = 1e-8
    max_grad_norm: Annotated[float, Field(ge=0)] = Field(
        default=1.0, description="gradients are clipped to this norm; 0 turns clipping off"
    )


class TrialBudget(Frozen):
    """How long a trial trains, and how often it is measured on the way.

    Exactly one of `steps` (optimizer steps), `tokens` (training tokens that are not padding) and
    `epochs` is set; without any of them it is one epoch.
    """

    steps: PositiveInt | None = None
    tokens: PositiveInt | None = None
    epochs: PositiveFloat | None = None
    evaluations: PositiveInt = Field(
        default=4, description="evaluation points, evenly spaced; the last one is at the end"
    )

    @model_validator(mode="after")
    def _one_measure(self) -> TrialBudget:
        given = [name for name in ("steps", "tokens", "epochs") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are both set; keep one of them")
        if not given:
            object.__setattr__(self, "epochs", 1.0)
        return self


class DeepSpeedConfig(Frozen):
    """How a slot's workers share a trial's state."""

    zero_stage: Literal[0, 1, 2, 3] = Field(
        default=2, description="0 shares nothing, 1 optimizer state, 2 + gradients, 3 + parameters"
    )


class ToyConfig(Frozen):
    """The landscape of the closed-form trial (see toy.py)."""

    learning_rate: PositiveFloat = Field(default=3e-4, description="where the optimum lies")
    rank: PositiveInt = Field(default=16, description="where the optimum lies")
    diverge_above: PositiveFloat | None = Field(
        default=None, description="learning rates above this one give NaN halfway"
    )
    crash_above: PositiveFloat | None = Field(
        default=None, description="learning rates above this one raise halfway"
    )
    seconds: Annotated[float, Field(ge=0)] = Field(default=0.0, description="per evaluation point")


class TrialConfig(Frozen):
    """Everything that decides what one trial does. `batch_size` is the effective one."""

    model: str = Field(description="hub id, local folder, or builtin:NAME")
    model_revision: str | None = None
    objective: Objective = "sft"
    method: Method = "lora"
    precision: Precision = "bf16"
    data: DataConfig | None = None
    budget: TrialBudget = TrialBudget()
    learning_rate: PositiveFloat = 2e-4
    batch_size: PositiveInt = Field(
        default=16, description="sequences per optimizer step, over all workers"
    )
    micro_batch_size: PositiveInt = Field(
        default=8, description="most sequences that one worker holds at once"
    )
    schedule: ScheduleName = "cosine"
    warmup_fraction: Fraction = Field(
        default=0.03, description="share of all steps over which the rate rises"
    )
    floor_fraction: Fraction = Field(
        default=0.0, description="where the decay ends, as a share of learning_rate"
    )
    wsd: WsdConfig = WsdConfig()
    lora: LoraConfig = LoraConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    gradient_checkpointing: bool = False
    deepspeed: DeepSpeedConfig | None = Field(
        default=None, description="set through slots.deepspeed; none is the plain trainer"
    )
    toy: ToyConfig = ToyConfig()
    seed: Seed = 0

    @model_validator(mode="after")
    def _fits_together(self) -> TrialConfig:
        if self.objective != "toy" and self.data is None:
            raise ValueError(f"objective {self.objective} needs data; add data: {{train: FILE}}")
        if self.schedule == "wsd" and self.warmup_fraction + self.wsd.decay_fraction > 1:
            raise ValueError(
                f"warmup_fraction {self.warmup_fraction:g} + wsd.decay_fraction "
                f"{self.wsd.decay_fraction:g} is more than the whole run; together at most 1"
            )
        return self

    def with_params(self, params: Mapping[str, Any]) -> TrialConfig:
        """A copy with `params` (dotted name -> value) set; pydantic.ValidationError on nonsense."""
        # What nobody set is left open: a default of the budget would clash with what comes now.
        tree = self.model_dump(exclude_unset=True)
        for name, value in params.items():
            *parents, leaf = name.split(".")
            node = tree
            for parent in parents:
                if not isinstance(node.get(parent), dict):
                    node[parent] = {}
                node = node[parent]
            node[leaf] = copy.deepcopy(value)
        return TrialConfig.model_validate(tree)

    def flat(self) -> dict[str, Any]:
        """Every field by its dotted name, as MLflow shows it. A part that is unset is left out."""
        return dict(_leaves(self.model_dump(mode="json"), ""))


def field_names() -> tuple[str, ...]:
    """The dotted names of all trial fields, in the order of their declaration."""
    return tuple(_names(TrialConfig, ""))


def _names(model: type[BaseModel], prefix: str) -> list[str]:
    names: list[str] = []
    for name, field in model.model_fields.items():
        inner = _model_in(field.annotation)
        names += _names(inner, f"{prefix}{name}.") if inner else [f"{prefix}{name}"]
    return names


def _model_in(annotation: Any) -> type[BaseModel] | None:
    candidates = (annotation, *getattr(annotation, "__args__", ()))
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _leaves(tree: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    leaves: list[tuple[str, Any]] = []
    for name, value in tree.items():
        if isinstance(value, Mapping):
            leaves += _leaves(value, f"{prefix}{name}.")
        elif value is not None:
            leaves.append((f"{prefix}{name}", value))
    return leaves
