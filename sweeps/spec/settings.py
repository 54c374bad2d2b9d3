"""The sections of a spec about the sweep itself. Light: pydantic only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import (
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)

from search_spaces.problem import UnplacedError
from search_spaces.values import quoted
from sweeps.early_stopping.registry import DEFAULT_EARLY_STOPPING, EARLY_STOPPING
from sweeps.early_stopping.rule import EarlyStopping
from sweeps.samplers.registry import DEFAULT_SAMPLER, SAMPLERS
from sweeps.samplers.sampler import Sampler
from sweeps.spec.addresses import check_database, check_tracking
from trainables.board.trial_patience import TrialPatience
from trainables.config.deepspeed_config import DeepSpeedConfig
from trainables.core.frozen import Frozen, NonNegative, PositiveFloat, PositiveInt
from trainables.metrics.formula import normalised
from trainables.metrics.metric import Mode
from trainables.metrics.registry import declared_mode
from trainables.storage.remote_folder import check_address

if TYPE_CHECKING:
    SamplerName = str
    EarlyStoppingName = str
else:  # the existing files
    SamplerName = Literal[tuple(SAMPLERS)]
    EarlyStoppingName = Literal[tuple(EARLY_STOPPING)]


def _number(given: object, parse: ValidatorFunctionWrapHandler) -> float:
    try:
        if not isinstance(given, bool):
            return float(parse(given))
    except ValidationError:
        pass  # said in other words below
    message = f"{quoted(given)} is no finite number, and only numbers have priors"
    raise UnplacedError(message, "name other values in search.first_points")


PriorValue = Annotated[float, Field(allow_inf_nan=False), WrapValidator(_number)]


class SearchSettings(Frozen):
    """The search of the space. All suggestions and all trials' seeds derive from `seed`.

    With several `metrics`, `metric` and `mode` are the first of them, and early stopping is off.
    """

    sampler: SamplerName = DEFAULT_SAMPLER
    sampler_options: dict[str, object] = Field(
        default_factory=dict, description="fields of the sampler's class in sweeps/samplers"
    )
    early_stopping: EarlyStoppingName = Field(
        default=DEFAULT_EARLY_STOPPING, description="unset: none where there are several metrics"
    )
    early_stopping_options: dict[str, object] = Field(
        default_factory=dict, description="fields of the rule's class in sweeps/early_stopping"
    )
    trial_patience: PositiveInt | None = Field(
        default=None,
        description="evaluations in a row without improvement after which a trial is complete",
    )
    min_delta: NonNegative = Field(
        default=0.0, description="with trial_patience: what counts as an improvement of the metric"
    )
    metric: str = Field(default="eval_loss", description="a metric, or a formula of metrics")
    mode: Mode | None = Field(
        default=None, description="unset: as trainables/metrics declares; a formula's by its signs"
    )
    metrics: dict[str, Mode | None] | None = Field(
        default=None,
        description="two or more metrics, each with its mode; the search is for their Pareto front",
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    forks: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1,
        description="trials drawn with the same early values, whose common steps are trained once "
        "(docs/search.md); 1: none",
    )
    first_points: tuple[dict[str, object], ...] = Field(
        default=(), description="known good points, tried before the sampler's own"
    )
    prior: Literal["auto", "none"] | dict[str, PriorValue] = Field(
        default="auto",
        description="good values of searched numbers, by name: tried first, and early draws are "
        "around them; auto: learning_rate (and lora.rank) by a formula (docs/search.md)",
    )
    warm_start: tuple[str, ...] = Field(
        default=(), description="names of earlier sweeps, whose trials the search starts from"
    )
    storage: str | None = Field(
        default=None,
        description="database for Optuna's study, such as postgresql://USER@HOST/DATABASE; "
        "unset: a journal in the sweep's folder",
    )

    @field_validator("prior", mode="before")
    @classmethod
    def _is_a_prior(cls, prior: object) -> object:
        if prior not in ("auto", "none") and not isinstance(prior, Mapping):
            raise ValueError(f"{quoted(prior)} is neither auto, none nor {{NAME: VALUE}}")
        return prior

    @field_validator("metric")
    @classmethod
    def _in_one_writing(cls, metric: str) -> str:
        return normalised(metric)

    @field_validator("metrics")
    @classmethod
    def _each_in_one_writing(
        cls, metrics: dict[str, Mode | None] | None
    ) -> dict[str, Mode | None] | None:
        if metrics is None:
            return None
        found = {normalised(name): mode for name, mode in metrics.items()}
        if len(found) < len(metrics):
            raise ValueError("metrics names one formula twice; keep one of them")
        return found

    @field_validator("storage")
    @classmethod
    def _is_a_database(cls, uri: str | None) -> str | None:
        return None if uri is None else check_database(uri)

    @model_validator(mode="after")
    def _one_metric_or_several(self) -> SearchSettings:
        if self.metrics is None:
            return self
        given = sorted({"metric", "mode"} & self.model_fields_set)
        if given:
            raise ValueError(f"metrics and {' and '.join(given)} are both set; keep one of them")
        if len(self.metrics) < 2:
            raise ValueError("metrics needs two or more names; write metric: NAME for a single one")
        first = next(iter(self.metrics))
        object.__setattr__(self, "metric", first)
        object.__setattr__(self, "mode", self.metrics[first])
        if "early_stopping" not in self.model_fields_set:
            object.__setattr__(self, "early_stopping", "none")
        return self

    @property
    def sampler_kind(self) -> Sampler:
        """The sampler with default options, for its abilities."""
        return SAMPLERS[self.sampler]

    @property
    def early_stopping_kind(self) -> EarlyStopping:
        """The rule for early stopping with default options, for its abilities."""
        return EARLY_STOPPING[self.early_stopping]

    @property
    def patience(self) -> TrialPatience | None:
        """When a trial that no longer improves is complete; None: at its whole budget."""
        if self.trial_patience is None:
            return None
        return TrialPatience(self.trial_patience, self.min_delta, self.metric, self.direction)

    @property
    def direction(self) -> Mode:
        """The mode of `metric`, else its declared direction; UnknownModeError without either."""
        return self.mode or declared_mode(self.metric)

    @property
    def goals(self) -> dict[str, Mode]:
        """The metrics to optimise with their modes, in the order of the spec."""
        return {name: mode or declared_mode(name) for name, mode in self.given_modes.items()}

    @property
    def given_modes(self) -> dict[str, Mode | None]:
        """The metrics with their modes; None if the spec gives no mode."""
        return {self.metric: self.mode} if self.metrics is None else dict(self.metrics)


_Slots = Annotated[int, Field(gt=0, le=10_000)]


class SlotsSettings(Frozen):
    """The slots that train trials. `gpus` and `cpus` are per worker."""

    count: _Slots | Literal["auto"] = "auto"
    min: _Slots = Field(
        default=1, description="number of slots that must start before the first trial"
    )
    max: _Slots | None = Field(
        default=None,
        description="on an autoscaling cluster: maximum number of slots; each starts when "
        "resources appear",
    )
    workers: _Slots = 1
    lanes: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] = Field(
        default="auto",
        description="trials that a slot trains side by side on one base, if they can share it "
        "(lora and qlora; docs/lanes.md); auto: as many as fit and bring the search further; 1: "
        "one at a time, by transformers' Trainer",
    )
    gpus: Annotated[float, Field(ge=0)] | Literal["auto"] = "auto"
    gpu: str | None = Field(
        default=None,
        description="the GPUs, to plan for: a name such as H100, or a memory such as 24GB; unset: "
        "this machine's, if the sweep runs here",
    )
    cpus: PositiveFloat | Literal["auto"] = "auto"
    deepspeed: DeepSpeedConfig | Literal["auto"] | None = Field(
        default="auto", description="auto: ZeRO-2 with several workers, else the plain trainer"
    )
    retries: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=1,
        description="maximum number of retries of a trial whose slot died; lost nodes do not count",
    )
    checkpoint_seconds: Annotated[float, Field(ge=0, le=10**9)] = Field(
        default=300.0,
        description="training time between checkpoints, from which an interrupted trial continues; "
        "0: after every step",
    )
    keep_best: PositiveInt = Field(
        default=1, description="number of best complete trials whose weights are kept"
    )
    prices: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict,
        description="dollars per hour of each node type, for `sweep status`; `--cluster FILE` "
        "takes them from the comments there",
    )
    trial_timeout: Annotated[float, Field(gt=0, le=10**9)] | None = Field(
        default=3600.0,
        description="seconds without an optimizer step or an evaluation after which a trial counts "
        "as hanging and its slot's workers are restarted; null: never",
    )

    @model_validator(mode="after")
    def _whole_gpus_for_gangs(self) -> SlotsSettings:
        if isinstance(self.gpus, float) and self.gpus > 1:
            raise ValueError(
                f"gpus must be at most 1 per worker, got {self.gpus:g}; raise workers instead"
            )
        return self

    @model_validator(mode="after")
    def _max_instead_of_count(self) -> SlotsSettings:
        if self.max is not None and self.count != "auto":
            raise ValueError("count and max are both set; keep one of them")
        if self.max is not None and self.gpus == "auto":
            raise ValueError(
                "max needs gpus, since the GPUs of nodes that are not up yet are unknown; set gpus "
                "as well (1 is usual, 0 for CPUs)"
            )
        return self

    @model_validator(mode="after")
    def _lanes_of_one_worker(self) -> SlotsSettings:
        if (
            self.lanes != "auto"
            and self.lanes > 1
            and (self.workers > 1 or self.engine is not None)
        ):
            raise ValueError(
                f"lanes: {self.lanes} needs slots of one worker without DeepSpeed; leave out "
                "slots.lanes, or slots.workers and slots.deepspeed"
            )
        return self

    @property
    def engine(self) -> DeepSpeedConfig | None:
        """The DeepSpeed settings of every trial, or None for the plain trainer."""
        if self.deepspeed == "auto":
            return DeepSpeedConfig(zero_stage=2) if self.workers > 1 else None
        assert not isinstance(self.deepspeed, str)
        return self.deepspeed


class ConfirmSettings(Frozen):
    """Confirmation at the end of a sweep: the best trials are trained again with fresh seeds."""

    top: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3, description="number of best trials that are trained again"
    )
    seeds: Annotated[int, Field(ge=2, le=100)] = Field(
        default=4, description="number of fresh seeds for each of them"
    )


class RegisterSettings(Frozen):
    """The winner in MLflow's registry at the end, if it is better than the version with the alias
    by the sweep's metric on the same data."""

    name: Annotated[str, Field(pattern=r"^[^/:@]*[^/:@\s][^/:@]*$")] = Field(
        description="the registered model's name, without '/', ':' and '@'"
    )
    alias: Annotated[str, Field(pattern=r"^[\w-]+$", max_length=255)] = Field(
        default="champion",
        description="letters, digits, _ and -; not 'latest', v1, v2 ... nor a number",
    )
    merge: bool = Field(default=False, description="merge the adapter into its base")
    dtype: Literal["fp32", "fp16", "bf16"] | None = Field(
        default=None, description="precision of a whole model; unset: as in the trial"
    )

    @field_validator("alias")
    @classmethod
    def _no_version(cls, alias: str) -> str:
        if re.fullmatch(r"latest|v?\d+", alias, re.IGNORECASE):
            raise ValueError(f"{alias!r} is MLflow's own word for versions; choose another alias")
        return alias


class StorageSettings(Frozen):
    """Storage that all nodes can reach. Without a `uri` it is the sweep home, which all must see.

    The `uri` is s3://BUCKET/FOLDER, another URI that pyarrow supports, or the absolute path of a
    shared folder.
    """

    uri: str | None = None

    @field_validator("uri")
    @classmethod
    def _is_an_address(cls, uri: str | None) -> str | None:
        return None if uri is None else check_address(uri)


class TrackingSettings(Frozen):
    """MLflow's store and experiment; see tracking_place.py for those of MLflow's variables."""

    uri: str | None = Field(
        default=None,
        description="unset: $MLFLOW_TRACKING_URI, else an SQLite database in the sweep home",
    )
    experiment: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        default=None, description="unset: $MLFLOW_EXPERIMENT_NAME, else winnow"
    )

    @field_validator("uri")
    @classmethod
    def _is_an_address(cls, uri: str | None) -> str | None:
        return None if uri is None else check_tracking(uri)
