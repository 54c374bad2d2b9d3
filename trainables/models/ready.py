"""A model's folder in the form that trials read: whole, and in safetensors.

Pickled weights are converted, and an adapter is merged into its base, each once, into the cache.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.core.atomic import publish
from trainables.core.data_error import said
from trainables.core.errors import ModelError
from trainables.core.model_source import ModelSource
from trainables.core.progress import Progress
from trainables.models.adapter_folder import Task, adapter_base, merge
from trainables.models.model_file import check_start, read, strings

if TYPE_CHECKING:
    import torch

_PICKLE = "pytorch_model.bin"
_PICKLE_INDEX = f"{_PICKLE}.index.json"
_WEIGHTS = "model.safetensors"
_CONFIG, _ADAPTER = "config.json", "adapter_config.json"

_BESIDE = ("*.json", "*.txt", "*.jinja", "*.model", "*.tiktoken", "*.py")
"""Files beside the weights that describe the model and its tokenizer."""


def made_ready(
    source: ModelSource, cache: Path, weights: bool, progress: Progress, task: Task = "CAUSAL_LM"
) -> tuple[ModelSource, tuple[str, ...]]:
    """The source to train on, and what was done to get it; ModelError if it cannot be done.

    Without `weights`, pickled ones stay as they are. `task` is what an adapter must be for.
    """
    folder = source.folder
    if folder is None:
        return source, ()
    if (folder / _ADAPTER).is_file() and not (folder / _CONFIG).exists():
        base = adapter_base(folder, source, task)
        made = cache / f"merged-{_digest(folder, base.folder)}"
        if not made.is_dir():
            with progress.phase("merging the adapter into its base"):
                publish(made, lambda empty: merge(folder, base, empty, task))
        done = f"is an adapter of {base.name}; trials use that base with the adapter merged in"
        return replace(source, name=str(made)), (f"model: {source.name} {done} (copy in {made}).",)
    files = _pickles(folder) if weights else []
    if not files:
        return source, ()
    made = cache / f"converted-{_digest(folder)}"
    if not made.is_dir():
        with progress.phase("converting the weights to safetensors"):
            publish(made, lambda empty: _convert(folder, files, empty))
    done = f"has its weights in {files[0].name}; trials read a copy in safetensors"
    return replace(source, name=str(made)), (f"model: {source.name} {done} ({made}).",)


def _pickles(folder: Path) -> list[Path]:
    """The pickled weights of a whole model that has no others."""
    if any(folder.glob("*.safetensors")) or not (folder / _CONFIG).is_file():
        return []
    if (folder / _PICKLE).is_file():
        return [folder / _PICKLE]
    index = folder / _PICKLE_INDEX
    names = sorted(set(strings(read(index).get("weight_map")))) if index.is_file() else []
    for name in names:
        if Path(name).name != name or not (folder / name).is_file():
            raise ModelError(f"model: {index} names {name!r}, which is missing; download it too")
    return [folder / name for name in names]


def _convert(folder: Path, files: list[Path], made: Path) -> None:
    from safetensors.torch import save_file

    tensors = {name: tensor for file in files for name, tensor in _tensors(file).items()}
    # Tied weights share memory, which safetensors cannot express.
    save_file(
        {name: tensor.contiguous().clone() for name, tensor in tensors.items()},
        made / _WEIGHTS,
        metadata={"format": "pt"},
    )
    for pattern in _BESIDE:
        for file in folder.glob(pattern):
            if file.name != _PICKLE_INDEX:
                shutil.copyfile(file, made / file.name)


def _tensors(file: Path) -> dict[str, torch.Tensor]:
    """The tensors in a pickle, read by torch's own reader of tensors, which runs no code."""
    import torch

    check_start(file)
    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # library boundary: invalid input can raise anything
        raise ModelError(
            f"model: {file} is not read, as it holds more than weights, or is damaged "
            f"({said(error)}); download the model's safetensors"
        ) from error
    if not isinstance(found, dict) or not all(isinstance(t, torch.Tensor) for t in found.values()):
        raise ModelError(f"model: {file} holds no mapping of names to tensors; download it again")
    return found


def _digest(*folders: Path | None) -> str:
    """A digest of names, sizes and times of change of all files, without reading the weights."""
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.iterdir()) if folder else ():
            if file.is_file():
                about = file.stat()
                digest.update(f"{file}:{about.st_size}:{about.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
