"""Whether a model's folder holds what can be loaded, and safely: asked before anything starts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trainables.data.tokenizer import config_file, hub_file
from trainables.errors import ModelError

_WEIGHTS = "model.safetensors"
_INDEX = f"{_WEIGHTS}.index.json"
_CONFIG = "config.json"
_ADAPTER = "adapter_config.json"

_DESCRIPTIONS = (
    _CONFIG,
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
)
"""What transformers reads beside the weights, where it is there."""

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")

_NO_FILE: Mapping[bytes, tuple[str, str]] = {
    b"version https://git-lfs": ("is Git LFS's pointer to a file", "run `git lfs pull` there"),
    b"<!": ("is a web page, saved in the file's place", "download the file itself"),
    b"<html": ("is a web page, saved in the file's place", "download the file itself"),
}
"""First bytes of what downloads leave where a file should be."""


def check_model(
    name: str, revision: str | None, trust_remote_code: bool, weights: bool = True
) -> None:
    """ModelError where a folder cannot be loaded, or a model asks for code that is not trusted.

    Of a hub model only the code is looked at, and whether it is an adapter; whatever else is wrong
    shows when it is loaded.
    """
    folder, configuration = Path(name), config_file(name, revision)
    if folder.is_dir():
        _check_descriptions(folder)
        for file in _weights(folder) if weights else ():
            _check_weights(file)
    elif adapter := _hub_adapter(name, revision):
        raise ModelError(f"model: {name} {_is_adapter(adapter)}")
    if configuration is None:
        return  # the hub does not answer, which whoever loads the tokenizer says
    for file in (configuration, configuration.with_name("tokenizer_config.json")):
        if file.is_file() and not trust_remote_code:
            _check_code(name, file)


def _check_descriptions(folder: Path) -> None:
    for name in _DESCRIPTIONS:
        if (folder / name).exists():
            _read(folder / name)
    if not (folder / _CONFIG).exists():
        found = (folder / _ADAPTER).exists()
        holds = f": it {_is_adapter(folder / _ADAPTER)}" if found else ""
        whole = holds or "; name the folder that save_pretrained wrote a whole model to"
        raise ModelError(f"model: {folder} has no {_CONFIG}{whole}")
    if (folder / _ADAPTER).exists():
        raise ModelError(
            f"model: {folder} holds an adapter ({_ADAPTER}) beside the model, which would be "
            "loaded with it and count as the untouched base; merge it into the model "
            "(merge_and_unload), or remove its files"
        )


def _is_adapter(file: Path) -> str:
    base = _read(file).get("base_model_name_or_path")
    return f"holds an adapter; name the model that it belongs to, {base}, or merge it into that"


def _hub_adapter(name: str, revision: str | None) -> Path | None:
    """The adapter's description in a hub repository, where the hub has answered before."""
    from huggingface_hub import try_to_load_from_cache

    try:
        known = [try_to_load_from_cache(name, f, revision=revision) for f in (_CONFIG, _ADAPTER)]
    except ValueError:
        return None  # no name for a repository, which whoever loads the tokenizer says
    # One that is silent would be asked for half a minute, as the first time.
    return hub_file(name, _ADAPTER, revision) if any(known) else None


def _check_code(name: str, file: Path) -> None:
    """A model that transformers itself has the code of is loaded by that, whatever it brings."""
    tree = _read(file)
    code = sorted(set(_strings(tree.get("auto_map"))))
    if not code:
        return
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    kind = _read(file.with_name(_CONFIG)).get("model_type")
    if kind in CONFIG_MAPPING_NAMES:
        return
    raise ModelError(
        f"model: {name} brings Python code of its own ({file.name}: {', '.join(code)}), which runs "
        "with all your rights, here and in every worker; read it, and then allow it with "
        "trust_remote_code: true in the sweep file (and model_revision: COMMIT for a hub model)"
    )


def _strings(tree: Any) -> Iterator[str]:
    """All texts in a value; an auto_map's values are texts or lists of them."""
    if isinstance(tree, Mapping):
        tree = list(tree.values())
    if isinstance(tree, list):
        for each in tree:
            yield from _strings(each)
    elif isinstance(tree, str):
        yield tree


def _weights(folder: Path) -> list[Path]:
    if (folder / _WEIGHTS).exists():
        return [folder / _WEIGHTS]
    if (folder / _INDEX).exists():
        return _shards(folder / _INDEX)
    pickles = sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern))
    if not pickles:
        raise ModelError(f"model: {folder} has no weights; there should be a {_WEIGHTS}")
    raise ModelError(
        f"model: {folder} has its weights in {pickles[0]}, a pickle, which can run any code when "
        f"read; write them as {_WEIGHTS}: AutoModelForCausalLM.from_pretrained({folder.name!r}"
        ").save_pretrained('safe'), beside copies of the tokenizer's files"
    )


def _shards(index: Path) -> list[Path]:
    shards = sorted(set(_strings(_read(index).get("weight_map"))))
    if not shards:
        raise ModelError(f"model: {index} names no files; download it again")
    for name in shards:
        if Path(name).name != name:
            raise ModelError(f"model: {index} names {name!r}, which is not in its folder")
        if not (index.parent / name).exists():
            raise ModelError(f"model: {index} names {name}, which is not there; download it too")
    return [index.parent / name for name in shards]


def _check_weights(file: Path) -> None:
    """The header only: its length, its JSON, and that it describes exactly this many bytes."""
    from safetensors import SafetensorError, safe_open

    _check_start(file)
    try:
        with safe_open(file, framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"model: {file} is no whole safetensors file ({error}); download it again"
        ) from error


def _check_start(file: Path) -> None:
    with file.open("rb") as stream:
        start = stream.read(64)
    for sign, (what, remedy) in _NO_FILE.items():
        if start.lstrip()[: len(sign)].lower() == sign:
            raise ModelError(f"model: {file} {what}; {remedy}")


def _read(file: Path) -> dict[str, Any]:
    """The mapping in a JSON file of the model."""
    _check_start(file)
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        why = f"model: {file} is not valid JSON ({error}); download it again"
        raise ModelError(why) from error
    if not isinstance(tree, dict):
        raise ModelError(f"model: {file} holds no mapping; download it again")
    return tree
