"""Whether a model can rate a text: a head with one output, known before the model is loaded."""

from __future__ import annotations

from pathlib import Path

from trainables.core.errors import ModelError
from trainables.core.model_source import ModelSource
from trainables.data.tokens.tokenizer import config_file
from trainables.models.language_head import is_of_head
from trainables.models.model_file import read, strings
from trainables.models.tensor_file import finite, header
from trainables.models.weight_files import has_weights, weight_files

_RATES = "ForSequenceClassification"
"""The end of the names of transformers' models that rate a text."""

_LABELS = 2
"""transformers' number of outputs where a config.json names none."""

_INSTEAD = "use the winner of a sweep with objective: reward, or a model with such a head"


def check_reward_head(source: ModelSource) -> None:
    """ModelError if the model in a folder, or on the hub, gives no single number for a text."""
    file = config_file(source)
    if file is None or not file.is_file():
        raise ModelError(
            f"model: {source.name} is not on this machine, neither as a folder (looked from "
            f"{Path.cwd()}) nor in the hub's cache, and the hub does not give it; correct the "
            "name, or download it first (hf download)"
        )
    about = read(file)
    kinds = [*strings(about.get("architectures"))]
    if not any(kind.endswith(_RATES) for kind in kinds):
        holds = ", ".join(kinds) or "nothing"
        raise ModelError(
            f"model: {source.name} has no head that rates a text: its config.json names {holds}, "
            f"no model for sequence classification; {_INSTEAD}"
        )
    named = about.get("id2label")
    count = len(named) if isinstance(named, dict) else about.get("num_labels", _LABELS)
    if count != 1:
        raise ModelError(
            f"model: {source.name} has a head with {count} outputs, and a reward is one number; "
            f"{_INSTEAD}"
        )
    if source.folder is not None:
        _check_weights(source.name, source.folder)


def _check_weights(name: str, folder: Path) -> None:
    """ModelError for weights without a head, or a head with numbers that no reward can be."""
    files = weight_files(folder) if has_weights(folder) else []
    head = [(file, weight) for file in files for weight in header(file) if is_of_head(weight)]
    if files and not head:
        raise ModelError(f"model: {name} has no weights of its head; {_INSTEAD}")
    for file, weight in head:
        if not finite(file, weight):
            raise ModelError(
                f"model: {name} has NaN or infinite numbers in its head ({weight}), so all its "
                f"rewards would be; {_INSTEAD}"
            )
