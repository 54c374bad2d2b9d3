"""The configuration of one trial: frozen, strict and light (no torch).

A trial's configuration is a value. `with_params` returns a changed, validated copy, so that no
trial can inherit values from another.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, Strict, create_model, field_validator, model_validator

from search_spaces.dotted import leaves, replaced
from trainables.config.budget import BatchRampConfig, TrialBudget
from trainables.config.data import DataConfig
from trainables.config.deepspeed_config import DeepSpeedConfig
from trainables.config.evaluation import EvaluationConfig
from trainables.config.growth import GROWS, with_growth
from trainables.config.kernels import AttentionName
from trainables.config.known_metrics import listed, way_out
from trainables.config.optimizer_config import OptimizerConfig, ScheduleName, WsdConfig
from trainables.config.own_metrics import CodeMetric, OwnMetric, check_names, own_modes
from trainables.config.rewards import check_rewards, of_models, rewarded
from trainables.config.sections import CHOOSE, SECTIONS, reads
from trainables.core.frozen import (
    BelowOne,
    Fraction,
    Frozen,
    NonNegative,
    PositiveFloat,
    PositiveInt,
    Seed,
)
from trainables.core.model_fields import dotted_fields
from trainables.core.model_source import ModelSource
from trainables.methods.registry import METHODS
from trainables.metrics.formula import parsed
from trainables.metrics.registry import GENERAL, GENERATED, METRICS, metrics_of
from trainables.objectives.classification import CLASSIFICATION, ClassificationConfig
from trainables.objectives.policy import RlConfig
from trainables.objectives.registry import OBJECTIVES

if TYPE_CHECKING:
    from trainables.methods.method import Method
    from trainables.objectives.objective import Objective

    ObjectiveName = str
    MethodName = str
else:  # the known names, which a message about a wrong one lists
    ObjectiveName = Literal[tuple(OBJECTIVES)]
    MethodName = Literal[tuple(METHODS)]
Precision = Literal["fp32", "fp16", "bf16"]

_FORMULAS, _EXAMPLES = "evaluation.formulas", "evaluation.examples"
"""Read with or without generated answers."""

_REVISION = re.compile(r"[A-Za-z0-9_][\w.+/-]*", re.ASCII)


S = TypeVar("S", bound=Frozen)


class TrialFields(Frozen):
    """The settings of a trial, except those of its method and objective.

    `batch_size` is the effective batch size.
    """

    model: str = Field(
        description="hub id, local folder, sweep:NAME (an earlier sweep's winner), or builtin:NAME"
    )
    model_revision: str | None = None
    trust_remote_code: Annotated[bool, Strict()] = Field(
        default=False, description="run Python code shipped with the model, with all your rights"
    )
    objective: ObjectiveName = "sft"
    method: MethodName = "lora"
    precision: Precision = "bf16"
    data: DataConfig | None = None
    budget: TrialBudget = TrialBudget()
    evaluation: EvaluationConfig = EvaluationConfig()
    metrics: dict[str, OwnMetric] = Field(
        default_factory=dict, description="own metrics of generated answers: eval_NAME"
    )
    trust_metric_code: Annotated[bool, Strict()] = Field(
        default=False, description="run the Python files of `metrics`, with all your rights"
    )
    learning_rate: PositiveFloat = 2e-4
    batch_size: PositiveInt = Field(
        default=16,
        description="sequences (packs, or prompts of grpo, rloo and ppo) per optimizer step, over "
        "all workers",
    )
    micro_batch_size: PositiveInt = Field(
        default=8,
        description="maximum sequences per worker and forward pass; auto: the fastest from 8 up, "
        "found by a few steps",
    )
    micro_batch_grows: Annotated[bool, Strict()] = Field(
        default=False, description="set through micro_batch_size: auto"
    )
    batch_ramp: BatchRampConfig = BatchRampConfig()
    schedule: ScheduleName = "cosine"
    warmup_fraction: Fraction = Field(
        default=0.03, description="share of all steps over which the learning rate rises"
    )
    floor_fraction: Fraction = Field(
        default=0.0, description="final learning rate, as a share of learning_rate"
    )
    wsd: WsdConfig = WsdConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    gradient_checkpointing: bool = False
    attention: AttentionName = Field(
        default="auto",
        description="how attention is computed; auto takes sdpa where the model has it, else eager",
    )
    compile: Annotated[bool, Strict()] = Field(
        default=False, description="compile each transformer block with torch.compile"
    )
    label_smoothing: BelowOne = Field(
        default=0.0,
        description="share of each target's probability spread over all tokens (sft, clm)",
    )
    neftune_noise: NonNegative = Field(
        default=0.0,
        description="alpha of the noise on embeddings (Jain et al. 2023, arXiv:2310.05914)",
    )
    deepspeed: DeepSpeedConfig | None = Field(
        default=None, description="set through slots.deepspeed; null uses the plain trainer"
    )
    seed: Seed = 0

    @model_validator(mode="before")
    @classmethod
    def _grows(cls, given: Any) -> Any:
        return with_growth(given) if isinstance(given, Mapping) else given

    @field_validator("model")
    @classmethod
    def _names_a_model(cls, model: str) -> str:
        if not model.strip():
            raise ValueError(f"{model!r} names no model; use a folder, a hub id or builtin:NAME")
        return model

    @field_validator("model_revision")
    @classmethod
    def _names_a_revision(cls, revision: str | None) -> str | None:
        if revision is not None and (".." in revision or not _REVISION.fullmatch(revision)):
            raise ValueError(f"{revision!r} is not a valid branch, tag or commit of a hub model")
        return revision

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.learns.trains and self.data is None:
            raise ValueError(f"objective {self.objective} needs data; add data: {{train: FILE}}")
        if self.data:
            for name, needed in (("general", "keeps_text"), ("mix", "learns_text")):
                *others, last = [n for n, kind in OBJECTIVES.items() if getattr(kind, needed)]
                if getattr(self.data, name) is not None and not getattr(self.learns, needed):
                    raise ValueError(
                        f"data.{name} works with objectives {', '.join(others)} and {last}, not "
                        f"with {self.objective}; leave it out"
                    )
        if self.data and self.data.retrieve and not self.learns.asks_prompts:
            raise ValueError(
                f"data.retrieve changes the prompts of chats, and objective {self.objective} has "
                "none; leave it out, or use objective sft"
            )
        if self.schedule == "wsd" and self.warmup_fraction + self.wsd.decay_fraction > 1:
            raise ValueError(
                f"warmup_fraction {self.warmup_fraction:g} + wsd.decay_fraction "
                f"{self.wsd.decay_fraction:g} is more than the whole run; lower one of them"
            )
        return self

    @field_validator("metrics")
    @classmethod
    def _have_names(cls, metrics: dict[str, OwnMetric]) -> dict[str, OwnMetric]:
        check_names(metrics)
        return metrics

    @model_validator(mode="after")
    def _can_be_measured(self) -> Self:
        modes = own_modes(self.metrics)
        generated = (*GENERATED, *modes, *of_models(self.settings(RlConfig)))
        for name, metric in self.metrics.items():
            if isinstance(metric, CodeMetric) and not self.trust_metric_code:
                raise ValueError(
                    f"metrics.{name} runs {metric.file} with all your rights; set "
                    "trust_metric_code: true if you trust that file"
                )
        for name in self.evaluation.metrics:
            if name not in generated:
                raise ValueError(
                    f"evaluation.metrics: {name!r} is not a metric of generated answers; "
                    f"{way_out(name, generated)}"
                )
        parts = [part for text in self.evaluation.formulas for part in parsed(text).names]
        written = [name for name in parts if name in GENERATED]
        asked = tuple(dict.fromkeys((*self.evaluation.metrics, *modes, *written)))
        if asked and not self.learns.asks_prompts:
            raise ValueError(
                f"evaluation.metrics: {asked[0]} needs generated answers, which objective "
                f"{self.objective} does not measure; it measures\n{listed(self.objective, {})}"
            )
        if asked != self.evaluation.metrics:
            evaluation = self.evaluation.model_copy(update={"metrics": asked})
            object.__setattr__(self, "evaluation", evaluation)
        return self

    @model_validator(mode="after")
    def _is_rewarded(self) -> Self:
        if self.learns.rolls_out:
            settings = self.settings(RlConfig)
            check_rewards(self.objective, settings, self.metrics)
            object.__setattr__(self, "evaluation", rewarded(self.evaluation, settings))
        return self

    @property
    def scores_records(self) -> bool:
        """Whether a metric sees the columns of records that are no part of a chat."""
        return any(isinstance(metric, CodeMetric) for metric in self.metrics.values())

    @property
    def model_source(self) -> ModelSource:
        """The source of the base model."""
        return ModelSource(self.model, self.model_revision, self.trust_remote_code)

    @property
    def learns(self) -> Objective:
        """The objective."""
        return OBJECTIVES[self.objective]

    @property
    def tunes(self) -> Method:
        """The tuning method."""
        return METHODS[self.method]

    @property
    def measures(self) -> tuple[str, ...]:
        """Metrics measured in this trial; any of them can be a sweep's metric."""
        general = GENERAL if self.data is not None and self.data.general is not None else ()
        given = {*general, *self.evaluation.metrics}
        found = metrics_of(self.objective, self.target)
        own = own_modes(self.metrics)
        return (*(name for name in found if not METRICS[name].needs or name in given), *own)

    @property
    def target(self) -> str | None:
        """What a classifier predicts, if that does not depend on the data."""
        if self.objective != CLASSIFICATION.name:
            return None
        target = self.settings(ClassificationConfig).target
        return None if target == "auto" else target

    def settings(self, kind: type[S]) -> S:
        """The section of one settings class. KeyError if no method or objective has it."""
        section = {settings: name for name, settings in SECTIONS.items()}[kind]
        found = getattr(self, section)
        assert isinstance(found, kind)
        return found

    def with_params(self, params: Mapping[str, Any]) -> TrialConfig:
        """A copy with `params` (dotted name -> value) set. Raises pydantic.ValidationError."""
        # Unset fields stay open: a default of the budget would clash with the new values.
        tree: dict[str, object] = self.model_dump(exclude_unset=True)
        for name, value in params.items():
            tree = replaced(tree, name, copy.deepcopy(value))
        return TrialConfig.model_validate(tree)

    def flat(self) -> dict[str, Any]:
        """All fields that this trial reads, by their dotted names, as MLflow shows them.

        Excludes unset fields, and the settings of other methods and objectives.
        """
        return self.flat_with({})

    def flat_with(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Same as `with_params(params).flat()`, but also for a refused combination."""
        values: dict[str, Any] = {**leaves(self.model_dump(mode="json")), **params}
        chosen = {name: (str(values[name]),) for name in CHOOSE}
        if self.evaluation.formulas == ():
            values.pop(_FORMULAS)
        if not self.micro_batch_grows:
            values.pop(GROWS)
        return {
            name: value
            for name, value in values.items()
            if value is not None and reads(name, chosen) and self._evaluates_by(name)
        }

    def _evaluates_by(self, name: str) -> bool:
        """Whether a field, if it is of the evaluation, has to do with what is measured."""
        settings = self.evaluation
        of_answers = name.startswith("evaluation.") and name not in (_FORMULAS, _EXAMPLES)
        idle = name == _EXAMPLES and settings.examples == "all"
        return bool(settings.metrics) or not (of_answers or idle)


if TYPE_CHECKING:
    TrialConfig = TrialFields
else:
    TrialConfig = create_model(
        "TrialConfig",
        __base__=TrialFields,
        __module__=__name__,
        __doc__="Configuration of a trial: its fields, and a section per method and objective.",
        **{name: (settings, settings()) for name, settings in SECTIONS.items()},
    )


def field_names() -> tuple[str, ...]:
    """The dotted names of all trial fields, in declaration order."""
    return tuple(dotted_fields(TrialConfig))
