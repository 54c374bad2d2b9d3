"""A config compared with the weights beside it, by the shapes of the model that it describes."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from importlib.metadata import version
from pathlib import Path

from trainables.core.errors import ModelError
from trainables.core.model_source import ModelSource
from trainables.models.hf_config import is_quantised
from trainables.models.weight_files import Shapes

_LAYER = re.compile(r"(.*?\.)(\d+)\.")
"""The beginning of a tensor's name, up to the number of its layer."""


def check_shapes(
    source: ModelSource, file: Path, shapes: Shapes, passed: Path | None = None
) -> None:
    """ModelError if the config in `file` gives a tensor another shape than the weights have, or
    describes layers that they lack: transformers would fill those with random numbers.

    Tensors under other names are not compared, since transformers converts many as it loads them.
    `passed` is as for `check_config`. Models with their own code, and quantised ones, are left out.
    """
    if source.trust_remote_code or is_quantised(file):
        return
    mark = passed / _digest(file, shapes) if passed else None
    if mark and mark.exists():
        return
    if why := _difference(_described(file.parent), shapes):
        raise ModelError(f"model: {file} {why}; download the model again")
    if mark:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def _described(folder: Path) -> Shapes:
    """The shapes of the weights that a config describes; none if they cannot be known."""
    import torch
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(str(folder))
    try:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = AutoModel.from_config(config)
    except (RuntimeError, ValueError, TypeError, AttributeError, KeyError):
        return {}  # loading the model shows whether it works
    prefix = model.base_model_prefix
    named = {name: tuple(weight.shape) for name, weight in model.named_parameters()}
    return named | {f"{prefix}.{name}": shape for name, shape in named.items()}


def _difference(described: Shapes, shapes: Shapes) -> str | None:
    """The first one, in words."""
    found = [layer for layer in map(_LAYER.match, shapes) if layer]
    layers, stacks = {layer[0] for layer in found}, {layer[1] for layer in found}
    for name, shape in described.items():
        held, layer = shapes.get(name), _LAYER.match(name)
        if held is not None and held != shape:
            return f"describes {name} as {_words(shape)}, but the weights have {_words(held)}"
        if layer and layer[1] in stacks and layer[0] not in layers:
            count = sum(each.startswith(layer[1]) for each in layers)
            return f"describes {layer[0].rstrip('.')}, but the weights have {count} layers there"
    return None


def _words(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a number"


def _digest(file: Path, shapes: Shapes) -> str:
    about = json.dumps([version("transformers"), sorted(shapes.items())])
    return f"sizes-{hashlib.sha256(about.encode() + file.read_bytes()).hexdigest()[:32]}"
