"""Checks, before anything starts, that a model's folder can be loaded safely."""

from __future__ import annotations

from pathlib import Path

from trainables.core.errors import ModelError
from trainables.core.model_source import ModelSource
from trainables.data.tokens.tokenizer import config_file, hub_file
from trainables.models.hf_config import check_code, check_config, check_kernels, check_sizes
from trainables.models.model_file import read
from trainables.models.shape_check import check_shapes
from trainables.models.weight_files import Shapes, has_weights, shapes_in, weight_files

_CONFIG = "config.json"
_ADAPTER = "adapter_config.json"

_DESCRIPTIONS = (
    _CONFIG,
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
)
"""Optional files that transformers reads beside the weights."""


def check_model(source: ModelSource, weights: bool = True, passed: Path | None = None) -> None:
    """ModelError if a folder cannot be loaded, or a model asks for untrusted code.

    Without `weights`, those that are there are checked nevertheless: their headers, not their
    numbers. `passed` is a folder with marks for the configurations that passed `check_config`. Hub
    models are checked only for code and for being an adapter; other faults show on loading.
    """
    folder, configuration = Path(source.name), config_file(source)
    shapes: Shapes = {}
    if folder.is_dir():
        _check_descriptions(folder)
        if weights or has_weights(folder):
            shapes = shapes_in(weight_files(folder))
            check_sizes(folder / _CONFIG, [*shapes.values()])
    elif adapter := _hub_adapter(source):
        raise ModelError(f"model: {source.name} {_is_adapter(adapter)}")
    if configuration is None or not configuration.is_file():
        return  # loading the tokenizer will report that it is unavailable
    if not source.trust_remote_code:
        check_kernels(configuration)
        for file in (configuration, configuration.with_name("tokenizer_config.json")):
            if file.is_file():
                check_code(source.name, file)
    check_config(source, configuration, passed)
    if shapes:
        check_shapes(source, configuration, shapes, passed)


def _check_descriptions(folder: Path) -> None:
    for file in folder.iterdir():
        if file.exists() and not file.is_dir() and not file.is_file():
            raise ModelError(
                f"model: {file} is not a regular file, so reading it would hang; move it away"
            )
    for name in _DESCRIPTIONS:
        if (folder / name).exists():
            read(folder / name)
    if not (folder / _CONFIG).exists():
        found = (folder / _ADAPTER).exists()
        holds = f": it {_is_adapter(folder / _ADAPTER)}" if found else ""
        whole = holds or "; use a folder to which save_pretrained wrote a whole model"
        raise ModelError(f"model: {folder} has no {_CONFIG}{whole}")
    if (folder / _ADAPTER).exists():
        raise ModelError(
            f"model: {folder} holds an adapter ({_ADAPTER}) beside the model, which would be "
            "loaded with it and count as the untouched base; merge it into the model "
            "(merge_and_unload), or name a folder without it"
        )


def _is_adapter(file: Path) -> str:
    base = read(file).get("base_model_name_or_path")
    return f"holds an adapter; use its base model {base}, or merge the adapter into it"


def _hub_adapter(source: ModelSource) -> Path | None:
    """The adapter's description in a hub repository, if the hub has answered before."""
    from huggingface_hub import try_to_load_from_cache

    try:
        known = [
            try_to_load_from_cache(source.name, file, revision=source.revision)
            for file in (_CONFIG, _ADAPTER)
        ]
    except ValueError:
        return None  # not a repository name, as loading the tokenizer will report
    # A silent hub would cost half a minute again, as the first time.
    return hub_file(source, _ADAPTER) if any(known) else None
