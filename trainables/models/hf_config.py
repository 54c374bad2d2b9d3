"""Checks of a model's config.json before anything is built from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from pydantic import JsonValue

from trainables.core.data_error import said
from trainables.core.errors import ModelError
from trainables.core.model_source import ModelSource
from trainables.models.model_file import children, read, strings

_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_WIDTHS = ("hidden_size", "n_embd", "d_model", "vocab_size")
_HEADS = ("num_attention_heads", "num_key_value_heads", "n_head")
_MOST_LABELS = 1_000_000


def check_code(name: str, file: Path) -> None:
    """ModelError if a file asks to run code.

    For models with code in transformers itself, that code is used and theirs is ignored."""
    tree = read(file)
    code = sorted(set(strings(tree.get("auto_map"))))
    if not code:
        return
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    kind = read(file.with_name("config.json")).get("model_type")
    if isinstance(kind, str) and kind in CONFIG_MAPPING_NAMES:
        return
    raise ModelError(
        f"model: {name} contains its own Python code ({file.name}: {', '.join(code)}), which runs "
        "with all your rights, here and in every worker; read it, then allow it with "
        "trust_remote_code: true in the sweep file (and model_revision: COMMIT for a hub model)"
    )


def check_kernels(file: Path) -> None:
    """ModelError if a config asks for attention from a hub repository.

    transformers would fetch it and run its code if the package `kernels` is installed.
    """
    for name in _kernels(read(file)):
        raise ModelError(
            f"model: {file} requires code from the repository {name} (attn_implementation), "
            "which runs with all your rights; remove that setting, or read the code and allow it "
            "with trust_remote_code: true in the sweep file"
        )


def is_quantised(file: Path | None) -> bool:
    """Whether a config says that the model's weights are quantised."""
    return file is not None and file.is_file() and bool(read(file).get("quantization_config"))


def _kernels(tree: JsonValue) -> Iterator[str]:
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        for key, value in node.items() if isinstance(node, dict) else ():
            if key.endswith("attn_implementation"):
                yield from (name for name in strings(value) if "/" in name)
        nodes += children(node)


def check_sizes(file: Path, shapes: Sequence[tuple[int, ...]]) -> None:
    """ModelError if a config does not describe weights of these shapes: more layers than tensors,
    which may take forever to build, or widths that no tensor has."""
    tree = read(file)
    packed = bool(tree.get("quantization_config"))
    sizes = {size for shape in shapes for size in shape}
    for part in _parts(tree):
        for name in _LAYERS:
            layers = part.get(name)
            if isinstance(layers, int) and layers > len(shapes):
                raise _untrue(file, name, layers, f"the weights have {len(shapes)} tensors")
        for name in _WIDTHS:
            width = part.get(name)
            if isinstance(width, int) and width > 0 and width not in sizes and not packed:
                raise _untrue(file, name, width, "no tensor of the weights has that size")


def _parts(tree: dict[str, JsonValue]) -> list[dict[str, JsonValue]]:
    return [part for part in (tree, tree.get("text_config")) if isinstance(part, dict)]


def _untrue(file: Path, name: str, value: int, but: str) -> ModelError:
    return ModelError(f"model: {file} has {name}: {value}, but {but}; download the model again")


def check_config(source: ModelSource, file: Path, passed: Path | None = None) -> None:
    """ModelError if transformers cannot make a configuration of it.

    `passed` is a folder with a mark for each file that passed, which saves four seconds of imports
    of transformers and torch. Models with their own code are checked each time.
    """
    tree = read(file)
    for part in _parts(tree):
        for name in (*_LAYERS, *_WIDTHS, *_HEADS):
            count = part.get(name)
            if isinstance(count, int) and count < 1:
                raise _untrue(file, name, count, "a model has at least 1")
    labels = tree.get("num_labels")
    if isinstance(labels, int) and labels > _MOST_LABELS:
        raise ModelError(f"model: {file} has num_labels: {labels}; remove that setting")
    mark = passed / _digest(file) if passed and not source.trust_remote_code else None
    if mark and mark.exists():
        return
    _build(source, file)
    if mark:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def _digest(file: Path) -> str:
    """Digest of the file and the version of transformers."""
    return hashlib.sha256(version("transformers").encode() + file.read_bytes()).hexdigest()[:32]


def _build(source: ModelSource, file: Path) -> None:
    from transformers import AutoConfig

    trusted = source.trust_remote_code
    place = source.name if trusted else str(file.parent)
    try:
        AutoConfig.from_pretrained(place, revision=source.revision, trust_remote_code=trusted)
    except Exception as error:  # library boundary: invalid input can raise anything
        raise ModelError(
            f"model: {file} does not describe a valid model ({said(error)}); "
            "download it again, or update transformers for a new model type"
        ) from error
