"""Refusal of a model that the objective or the method cannot train, before anything starts."""

from __future__ import annotations

from trainables.architecture.family import family_of
from trainables.config.trial import TrialConfig
from trainables.core.errors import ModelError
from trainables.data.tokens.tokenizer import config_file
from trainables.objectives.classification import CLASSIFICATION


def check_family(config: TrialConfig) -> None:
    """ModelError for an encoder-decoder, and for an encoder unless it is to classify."""
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
