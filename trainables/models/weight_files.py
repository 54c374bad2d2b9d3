"""The files of a folder's weights, and what their headers say. Nothing is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from trainables.core.errors import ModelError
from trainables.models.model_file import check_start, is_pointer, read, strings

_WEIGHTS = "model.safetensors"
_INDEX = f"{_WEIGHTS}.index.json"

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]
"""The shapes of tensors by their names."""


def has_weights(folder: Path) -> bool:
    """Whether a folder has any safetensors. Git LFS pointers are none: a model whose weights have
    not been downloaded can be planned."""
    return any(not is_pointer(file) for file in folder.glob("*.safetensors"))


def shapes_in(files: list[Path]) -> Shapes:
    """The shapes of all tensors in the files."""
    return {name: shape for file in files for name, shape in _shapes(file).items()}


def weight_files(folder: Path) -> list[Path]:
    """The safetensors of a folder; ModelError if they are missing or in part."""
    if (folder / _WEIGHTS).exists():
        return [folder / _WEIGHTS]
    if (folder / _INDEX).exists():
        return _shards(folder / _INDEX)
    pickles = sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern))
    if not pickles and (shards := sorted(folder.glob("*.safetensors"))):
        raise ModelError(
            f"model: {folder} has weights such as {shards[0].name}, but neither {_WEIGHTS} nor "
            f"{_INDEX}, which says what is in which file; download that, too"
        )
    if not pickles:
        raise ModelError(
            f"model: {folder} has no weights; add {_WEIGHTS}, or download the whole folder again"
        )
    raise ModelError(
        f"model: {folder} has its weights in {pickles[0]}, a pickle, which can run any code when "
        f"read; write them as {_WEIGHTS}: AutoModelForCausalLM.from_pretrained({folder.name!r}"
        ").save_pretrained('safe'), beside copies of the tokenizer's files"
    )


def _shards(index: Path) -> list[Path]:
    shards = sorted(set(strings(read(index).get("weight_map"))))
    if not shards:
        raise ModelError(f"model: {index} names no files; download it again")
    for name in shards:
        if Path(name).name != name:
            raise ModelError(f"model: {index} names {name!r}, which is not in its folder")
        if not (index.parent / name).exists():
            raise ModelError(f"model: {index} names {name}, which is missing; download it too")
    return [index.parent / name for name in shards]


def _shapes(file: Path) -> Shapes:
    """The shapes of a file's tensors. Checks only the header: its length, its JSON, and that it
    describes exactly the file's number of bytes."""
    from safetensors import SafetensorError, safe_open

    check_start(file)
    try:
        with safe_open(file, framework="numpy") as opened:
            names = opened.keys()
            return {name: tuple(opened.get_slice(name).get_shape()) for name in names}
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"model: {file} is not a complete safetensors file ({error}); download it again"
        ) from error
