"""Refusal of a model that the objective or the method cannot train, before anything starts."""

from __future__ import annotations

from trainables.architecture.family import family_of
from trainables.config.trial import TrialConfig
from trainables.core.errors import ModelError
from trainables.data.tokens.tokenizer import config_file
from trainables.models.language_head import check_language_head
from trainables.objectives.classification import CLASSIFICATION


def check_family(config: TrialConfig) -> None:
    """ModelError for an encoder-decoder, for an encoder unless it is to classify, and for a model
    without a language head where the objective needs one."""
    file = config_file(config.model_source)
    family = family_of(file)
    if family == "encoder-decoder":
        raise ModelError(
            f"model: {config.model} is an encoder-decoder, which no objective trains; use a "
            "decoder, or an encoder such as BERT for objective: classification"
        )
    if family == "encoder" and config.objective != CLASSIFICATION.name:
        raise ModelError(
            f"model: {config.model} is an encoder, which reads texts and writes none, and "
            f"objective {config.objective} needs a decoder; use one, or objective: classification"
        )
    if not config.learns.has_head:
        check_language_head(config.model_source)
