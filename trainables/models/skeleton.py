"""A model without its weights, built from its config in a second, to look for its modules."""

from __future__ import annotations

import warnings

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.quantizers.base import get_keys_to_not_convert

from trainables.architecture.direct_weights import used_directly
from trainables.architecture.encoders import is_encoder
from trainables.core.errors import ModelError
from trainables.core.model_source import ModelSource

_AUTO = {True: AutoModelForSequenceClassification, False: AutoModelForCausalLM}
_KINDS = {True: "model with a head for a whole text", False: "model that predicts the next token"}

_LABELS = 2
"""Where the data have not said yet how many labels there are."""


def skeleton(
    source: ModelSource, objective: str, has_head: bool, labels: int | None = None
) -> PreTrainedModel | None:
    """The model on the meta device; None if its architecture cannot be built there.

    ModelError if transformers has no model of its type for the objective.
    """
    config = _config(source, has_head, labels)
    if not source.trust_remote_code:
        _check_kind(source, config, objective, has_head)
    return _built(config, source, has_head)


def kept_whole(source: ModelSource, has_head: bool) -> list[str]:
    """The layers that must not be quantised with the rest, if there are more than usual.

    A layer whose weight is used without calling it, and one that the checkpoint may not have.
    """
    model = _built(_config(source, has_head), source, has_head)
    if model is None:
        return []
    head = [name for name, _ in model.named_children() if name != model.base_model_prefix]
    poolers = [name for name, _ in model.named_modules() if name.endswith("pooler.dense")]
    more = [*used_directly(model), *(head if has_head else ()), *poolers]
    return [*get_keys_to_not_convert(model), *more] if more else []


def _config(source: ModelSource, has_head: bool, labels: int | None = None) -> PreTrainedConfig:
    config: PreTrainedConfig = AutoConfig.from_pretrained(
        str(source.folder or source.name),
        revision=source.revision,
        trust_remote_code=source.trust_remote_code,
        **({"num_labels": labels or _LABELS} if has_head else {}),
    )
    return config


def _built(config: PreTrainedConfig, source: ModelSource, has_head: bool) -> PreTrainedModel | None:
    trusted = source.trust_remote_code
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            built: PreTrainedModel = _AUTO[has_head].from_config(config, trust_remote_code=trusted)
    except (RuntimeError, ValueError, TypeError, AttributeError):
        return None  # loading the model shows whether it works there
    return built.eval()


def _check_kind(
    source: ModelSource, config: PreTrainedConfig, objective: str, has_head: bool
) -> None:
    kind = config.model_type
    if not has_head and is_encoder(config):
        raise ModelError(
            f"model: {source.name} ({kind}) is an encoder, in which each token sees later ones, so "
            f"it cannot learn to write, as objective {objective} asks; use objective: "
            "classification, or another model"
        )
    if type(config) not in _AUTO[has_head]._model_mapping:
        others = "objective: sft or clm, or " if has_head else ""
        raise ModelError(
            f"model: {source.name} is of type {kind}, for which transformers has no "
            f"{_KINDS[has_head]}, as objective {objective} needs; use {others}another model"
        )
