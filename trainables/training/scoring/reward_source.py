"""The reward models that a trial names: found, checked, and made ready to be loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from trainables.config.rewards import FIELDS, of_models
from trainables.config.trial import Precision, TrialConfig
from trainables.core.errors import ModelError
from trainables.core.model_source import ModelSource
from trainables.core.progress import Progress
from trainables.objectives.policy import REWARD_MODEL, RlConfig

_HELD: dict[object, Precision] = {"bfloat16": "bf16", "float16": "fp16"}
"""Precisions by torch's names in a config.json; any other is fp32."""


@dataclass(frozen=True)
class RewardSource:
    """A reward model, and the precision in which it is held."""

    model: ModelSource
    precision: Precision


def reward_sources(
    config: TrialConfig, cache: Path, weights: bool, progress: Progress
) -> tuple[dict[str, RewardSource], tuple[str, ...]]:
    """The reward models by their metrics, and what was done to get them.

    ModelError, with the field, for one that cannot be used. Code that comes with one never runs.
    """
    if not config.learns.rolls_out:
        return {}, ()
    settings = config.settings(RlConfig)
    found, done = {}, []
    for metric, name in of_models(settings).items():
        with _blamed(FIELDS[metric]):
            source, remarks = _ready(name, cache, weights, progress)
            wanted = settings.reward_model_precision if metric == REWARD_MODEL else None
            precision = wanted or _as_saved(source)
        found[metric] = RewardSource(source, precision)
        done += [f"{FIELDS[metric]}{each.removeprefix('model')}" for each in remarks]
    return found, tuple(done)


def _ready(
    name: str, cache: Path, weights: bool, progress: Progress
) -> tuple[ModelSource, tuple[str, ...]]:
    from trainables.models.model_folder import check_model
    from trainables.models.ready import made_ready
    from trainables.models.reward_head import check_reward_head
    from trainables.models.reward_tokenizer import check_reward_tokenizer

    given = ModelSource(name)
    if given.folder is not None:  # workers have other working folders
        given = replace(given, name=str(given.folder.resolve()))
    source, remarks = made_ready(given, cache / "models", weights, progress, "SEQ_CLS")
    check_model(source, weights, cache / "checked")
    check_reward_head(source)
    check_reward_tokenizer(source)
    return source, remarks


def _as_saved(source: ModelSource) -> Precision:
    from trainables.data.tokens.tokenizer import config_file
    from trainables.models.model_file import read

    file = config_file(source)
    about = read(file) if file is not None else {}
    return _HELD.get(about.get("dtype") or about.get("torch_dtype"), "fp32")


@contextmanager
def _blamed(field: str) -> Iterator[None]:
    """Errors name the field; those of any model begin with `model`."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{field}{str(error).removeprefix('model')}") from error
