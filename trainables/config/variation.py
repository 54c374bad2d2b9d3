"""What a fresh seed changes in a trial, and what it does not, in words."""

from __future__ import annotations

from trainables.config.trial import TrialConfig
from trainables.methods.lora import LoraConfig
from trainables.objectives.toy import ToyConfig

VARYING_BY = ("method", "lora.init", "lora.dropout", "neftune_noise")
"""The fields by which `varying` differs between trials."""


def varying(config: TrialConfig) -> list[str]:
    """What differs between two trainings of this configuration with fresh seeds; empty if nothing
    does.

    A new head and the model's split of the data never do. Dropout that the model's own files ask
    for is not looked up.
    """
    if not config.learns.trains:
        return ["the toy's noise"] if config.settings(ToyConfig).noise else []
    found = ["data order"]
    if config.tunes.draws and not _is_decomposed(config):
        found.append(f"first values of {config.method}")
    if _lora(config) and config.settings(LoraConfig).dropout:
        found.append("dropout")
    if config.neftune_noise:
        found.append("embedding noise")
    return found


def _lora(config: TrialConfig) -> bool:
    return "lora" in config.tunes.sections


def _is_decomposed(config: TrialConfig) -> bool:
    """Whether the adapter starts from the base's own principal components."""
    return _lora(config) and config.settings(LoraConfig).init == "pissa"
