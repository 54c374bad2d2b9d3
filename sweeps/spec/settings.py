"""The parts of a spec that are about the sweep and not about one trial. Light: pydantic only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from sweeps.early_stopping.registry import DEFAULT_EARLY_STOPPING, EARLY_STOPPING
from sweeps.early_stopping.rule import EarlyStopping
from sweeps.samplers.registry import DEFAULT_SAMPLER, SAMPLERS
from sweeps.samplers.sampler import Sampler
from sweeps.spec.addresses import no_database, not_tracking
from trainables.config.deepspeed_config import DeepSpeedConfig
from trainables.core.frozen import Frozen, PositiveFloat, PositiveInt
from trainables.metrics.metric import Mode
from trainables.metrics.registry import declared_mode
from trainables.storage.remote_folder import complaint

if TYPE_CHECKING:
    SamplerName = str
    EarlyStoppingName = str
else:  # those that have a file
    SamplerName = Literal[tuple(SAMPLERS)]
    EarlyStoppingName = Literal[tuple(EARLY_STOPPING)]


class SearchSettings(Frozen):
    """How the space is searched. `seed` decides every suggestion and every trial's own seed.

    With several `metrics`, `metric` and `mode` are the first of them and nothing is stopped early.
    """

    sampler: SamplerName = DEFAULT_SAMPLER
    sampler_options: dict[str, Any] = Field(
        default_factory=dict, description="fields of the sampler's class in sweeps/samplers"
    )
    early_stopping: EarlyStoppingName = Field(
        default=DEFAULT_EARLY_STOPPING, description="unset: none where there are several metrics"
    )
    early_stopping_options: dict[str, Any] = Field(
        default_factory=dict, description="fields of the rule's class in sweeps/early_stopping"
    )
    metric: str = "eval_loss"
    mode: Mode | None = Field(
        default=None, description="unset: as trainables/metrics declares of the metric"
    )
    metrics: dict[str, Mode | None] | None = Field(
        default=None, description="two or more, each with its mode: the search is for their front"
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    first_points: tuple[dict[str, Any], ...] = Field(
        default=(), description="known-good points, tried before the sampler's own"
    )
    storage: str | None = Field(
        default=None,
        description="a database for Optuna's study, such as postgresql://USER@HOST/DATABASE; "
        "unset: a journal in the sweep's folder",
    )

    @field_validator("storage")
    @classmethod
    def _is_a_database(cls, uri: str | None) -> str | None:
        if uri is not None and (wrong := no_database(uri)):
            raise ValueError(wrong)
        return uri

    @model_validator(mode="after")
    def _one_metric_or_several(self) -> SearchSettings:
        if self.metrics is None:
            return self
        given = sorted({"metric", "mode"} & self.model_fields_set)
        if given:
            raise ValueError(f"metrics and {' and '.join(given)} are both set; keep one of them")
        if len(self.metrics) < 2:
            raise ValueError("metrics needs two or more; a single one is written metric: NAME")
        first = next(iter(self.metrics))
        object.__setattr__(self, "metric", first)
        object.__setattr__(self, "mode", self.metrics[first])
        if "early_stopping" not in self.model_fields_set:
            object.__setattr__(self, "early_stopping", "none")
        return self

    @property
    def sampler_kind(self) -> Sampler:
        """What the sampler can do; it has its default options."""
        return SAMPLERS[self.sampler]

    @property
    def early_stopping_kind(self) -> EarlyStopping:
        """What the rule for early stopping does; it has its default options."""
        return EARLY_STOPPING[self.early_stopping]

    @property
    def direction(self) -> Mode:
        """The mode of `metric`, or what is declared of it; UnknownModeError where nothing is."""
        return self.mode or declared_mode(self.metric)

    @property
    def goals(self) -> dict[str, Mode]:
        """What is searched for, metric -> mode; one, or several in the order of the spec."""
        return {name: mode or declared_mode(name) for name, mode in self.given_modes.items()}

    @property
    def given_modes(self) -> dict[str, Mode | None]:
        """The mode that the spec gives each metric, if any."""
        return {self.metric: self.mode} if self.metrics is None else dict(self.metrics)


_Slots = Annotated[int, Field(gt=0, le=10_000)]


class SlotsSettings(Frozen):
    """The gangs that train trials. `gpus` and `cpus` are for each worker."""

    count: _Slots | Literal["auto"] = "auto"
    min: _Slots = Field(
        default=1, description="slots that must be up before the first trial begins"
    )
    max: _Slots | None = Field(
        default=None,
        description="on a cluster that grows: so many slots at most, each as soon as it finds room",
    )
    workers: _Slots = 1
    gpus: Annotated[float, Field(ge=0)] | Literal["auto"] = "auto"
    cpus: PositiveFloat | Literal["auto"] = "auto"
    deepspeed: DeepSpeedConfig | Literal["auto"] | None = Field(
        default="auto", description="auto: ZeRO-2 with several workers, else the plain trainer"
    )
    retries: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=1,
        description="further tries of a trial whose slot died; those that were lost with their "
        "node are not counted",
    )
    checkpoint_seconds: Annotated[float, Field(ge=0, le=10**9)] = Field(
        default=300.0,
        description="training time between two checkpoints, from which a trial goes on after an "
        "interruption; 0: after every step",
    )
    keep_best: PositiveInt = Field(
        default=1, description="the weights of so many of the best complete trials are kept"
    )
    prices: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict,
        description="of nodes, in dollars an hour by the name of their type, for `sweep status`; "
        "`--cluster FILE` brings those of its comments",
    )
    trial_timeout: Annotated[float, Field(gt=0, le=10**9)] | None = Field(
        default=3600.0,
        description="seconds without an optimizer step or an evaluation after which a trial is "
        "taken to hang, and its slot's workers are started anew; null: never",
    )

    @model_validator(mode="after")
    def _whole_gpus_for_gangs(self) -> SlotsSettings:
        if isinstance(self.gpus, float) and self.gpus > 1:
            raise ValueError(
                f"gpus {self.gpus:g} for each worker: at most 1; raise workers instead"
            )
        return self

    @model_validator(mode="after")
    def _max_instead_of_count(self) -> SlotsSettings:
        if self.max is not None and self.count != "auto":
            raise ValueError("count and max are both set; keep one of them")
        if self.max is not None and self.gpus == "auto":
            raise ValueError(
                "max without gpus: a cluster that grows does not show how many GPUs its workers "
                "will have; set gpus (1 is usual, 0 for CPUs) beside max"
            )
        return self

    @property
    def engine(self) -> DeepSpeedConfig | None:
        """The DeepSpeed settings of every trial, or None for the plain trainer."""
        if self.deepspeed == "auto":
            return DeepSpeedConfig(zero_stage=2) if self.workers > 1 else None
        assert not isinstance(self.deepspeed, str)
        return self.deepspeed


class StorageSettings(Frozen):
    """Storage that all nodes reach, s3://BUCKET/FOLDER or another that pyarrow knows, or the whole
    path of a shared folder. Without a `uri`, the sweep home has all, and all nodes must see it."""

    uri: str | None = None

    @field_validator("uri")
    @classmethod
    def _is_an_address(cls, uri: str | None) -> str | None:
        if uri is not None and (wrong := complaint(uri)):
            raise ValueError(f"{wrong}; write s3://BUCKET/FOLDER, or the whole path of a folder")
        return uri


class TrackingSettings(Frozen):
    """Where MLflow writes. No `uri` means a SQLite database in the sweep home."""

    uri: str | None = None
    experiment: Annotated[str, Field(min_length=1, max_length=500)] = "winnow"

    @field_validator("uri")
    @classmethod
    def _is_an_address(cls, uri: str | None) -> str | None:
        if uri is not None and (wrong := not_tracking(uri)):
            raise ValueError(wrong)
        return uri
