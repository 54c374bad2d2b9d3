"""The parts of a spec that are about the sweep and not about one trial. Light: pydantic only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from trainables.deepspeed_config import DeepSpeedConfig
from trainables.frozen import Frozen, PositiveFloat, PositiveInt

SamplerName = Literal["tpe", "random", "grid", "cmaes", "gp", "qmc"]
EarlyStopping = Literal["none", "asha", "median"]

MINIMISED = (
    "eval_loss",
    "eval_perplexity",
    "eval_kl",
    "eval_general_loss",
    "eval_general_change",
)
"""Metrics of which less is better; of all others, more. So `mode` can be left out."""


class SearchSettings(Frozen):
    """How the space is searched. `seed` decides every suggestion and every trial's own seed."""

    sampler: SamplerName = "tpe"
    sampler_options: dict[str, Any] = Field(
        default_factory=dict, description="passed to Optuna's sampler as they are"
    )
    early_stopping: EarlyStopping = "asha"
    early_stopping_options: dict[str, Any] = Field(
        default_factory=dict, description="passed to Ray Tune's scheduler as they are"
    )
    metric: str = "eval_loss"
    mode: Literal["min", "max"] | None = Field(
        default=None, description="unset: min for losses, perplexity and kl, max for the rest"
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    first_points: tuple[dict[str, Any], ...] = Field(
        default=(), description="known-good points, tried before the sampler's own"
    )

    @property
    def direction(self) -> Literal["min", "max"]:
        """`mode`, or what the metric's name says."""
        return self.mode or ("min" if self.metric in MINIMISED else "max")


class SlotsSettings(Frozen):
    """The gangs that train trials. `gpus` and `cpus` are for each worker."""

    count: PositiveInt | Literal["auto"] = "auto"
    workers: PositiveInt = 1
    gpus: Annotated[float, Field(ge=0)] | Literal["auto"] = "auto"
    cpus: PositiveFloat | Literal["auto"] = "auto"
    deepspeed: DeepSpeedConfig | Literal["auto"] | None = Field(
        default="auto", description="auto: ZeRO-2 with several workers, else the plain trainer"
    )
    retries: Annotated[int, Field(ge=0)] = Field(
        default=1, description="further tries of a trial whose slot died"
    )

    @model_validator(mode="after")
    def _whole_gpus_for_gangs(self) -> SlotsSettings:
        if isinstance(self.gpus, float) and self.gpus > 1:
            raise ValueError(
                f"gpus {self.gpus:g} for each worker: at most 1; raise workers instead"
            )
        return self

    @property
    def engine(self) -> DeepSpeedConfig | None:
        """The DeepSpeed settings of every trial, or None for the plain trainer."""
        if self.deepspeed == "auto":
            return DeepSpeedConfig(zero_stage=2) if self.workers > 1 else None
        assert not isinstance(self.deepspeed, str)
        return self.deepspeed


class TrackingSettings(Frozen):
    """Where MLflow writes. No `uri` means a SQLite database in the sweep home."""

    uri: str | None = None
    experiment: str = "winnow"
