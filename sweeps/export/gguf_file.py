"""A whole model as one GGUF file for llama.cpp, read again and compared with the model."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeps.base.errors import SweepError
from sweeps.export.gguf_vocabulary import vocabulary_of

if TYPE_CHECKING:
    import torch
    from gguf import GGUFWriter

FILE = "model.gguf"

_KINDS = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}
"""Our models and llama.cpp's architectures for them."""

_PERMUTED = ("llama",)
"""Architectures whose queries and keys llama.cpp rotates in pairs of neighbours."""

_OTHER_CONVERTER = "use llama.cpp's convert_hf_to_gguf.py on the export"


def refuse_gguf(objective: str, whole: bool) -> None:
    """SweepError if such an export has no GGUF file, or the package that writes it is missing."""
    if objective in ("classification", "reward"):
        raise SweepError(f"--gguf: a model for objective {objective} writes no text; leave it out")
    if not whole:
        raise SweepError("--gguf: it needs a whole model; add --merge")
    try:
        import gguf  # noqa: F401
    except ImportError:
        raise SweepError(
            "--gguf: the package gguf is not installed; pip install 'winnow-sweeps[gguf]'"
        ) from None


def write_gguf(folder: Path, name: str, trusted: bool = False) -> None:
    """Write `model.gguf` beside the model in `folder`, and compare it.

    SweepError for models and tokenizers that we cannot write as llama.cpp reads them.
    """
    import gguf

    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kind = _kind(config)
    vocabulary = vocabulary_of(folder, config["vocab_size"], trusted)
    writer = gguf.GGUFWriter(folder / FILE, kind)
    try:
        _write_settings(writer, config, name)
        vocabulary.write(writer)
        for own, tensor in _tensors(folder, kind, config):
            _add(writer, own, tensor)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    except OSError as error:
        # numpy says only that it wrote less than it should.
        number = error.errno or errno.ENOSPC
        raise OSError(number, os.strerror(number), FILE) from error
    finally:
        writer.close()
    _compare(folder)


def _kind(config: Mapping[str, Any]) -> str:
    model = config.get("model_type")
    if model not in _KINDS:
        known = ", ".join(_KINDS)
        raise SweepError(
            f"--gguf: models of type {model} are not written (known: {known}); {_OTHER_CONVERTER}"
        )
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if rope.get("rope_type", rope.get("type", "default")) != "default":
        raise SweepError(f"--gguf: scaled rotary positions are not written; {_OTHER_CONVERTER}")
    if config.get("sliding_window") and config.get("use_sliding_window", model == "mistral"):
        raise SweepError(f"--gguf: sliding windows are not written; {_OTHER_CONVERTER}")
    return _KINDS[model]


def _write_settings(writer: GGUFWriter, config: Mapping[str, Any], name: str) -> None:
    heads = config["num_attention_heads"]
    size = config.get("head_dim") or config["hidden_size"] // heads
    rope = config.get("rope_parameters") or {}
    writer.add_name(name)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_key_length(size)
    writer.add_value_length(size)
    writer.add_rope_dimension_count(size)
    writer.add_rope_freq_base(float(rope.get("rope_theta", config.get("rope_theta", 10_000.0))))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])


def _tensors(
    folder: Path, kind: str, config: Mapping[str, Any]
) -> Iterator[tuple[str, torch.Tensor]]:
    """The model's tensors by llama.cpp's names."""
    import gguf
    from safetensors import safe_open

    place = next(number for number, each in gguf.MODEL_ARCH_NAMES.items() if each == kind)
    names = gguf.get_tensor_name_map(place, config["num_hidden_layers"])
    heads = config["num_attention_heads"]
    of_each = {"q_proj": heads, "k_proj": config.get("num_key_value_heads") or heads}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 (it is no mapping)
                own = names.get_name(name, try_suffixes=(".weight", ".bias"))
                if own is None:
                    raise SweepError(f"--gguf: {name} has no place there; {_OTHER_CONVERTER}")
                tensor, part = tensors.get_tensor(name), name.split(".")[-2]
                if kind in _PERMUTED and part in of_each:
                    tensor = _in_pairs(tensor, of_each[part])
                yield own, tensor


def _in_pairs(tensor: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows of each head in llama.cpp's order: the two halves of a rotation side by side."""
    halves = tensor.reshape(heads, 2, tensor.shape[0] // heads // 2, *tensor.shape[1:])
    return halves.transpose(1, 2).reshape(tensor.shape)


def _add(writer: GGUFWriter, name: str, tensor: torch.Tensor) -> None:
    """In its own precision; vectors in fp32, as llama.cpp wants them."""
    import gguf
    import torch

    if tensor.ndim == 1 or tensor.dtype is torch.float32:
        writer.add_tensor(name, tensor.float().numpy())
    elif tensor.dtype is torch.float16:
        writer.add_tensor(name, tensor.numpy())
    else:
        half = gguf.GGMLQuantizationType.BF16
        writer.add_tensor(name, gguf.quantize(tensor.float().numpy(), half), raw_dtype=half)


def _compare(folder: Path) -> None:
    """SweepError unless transformers reads the same model from the file, tensor by tensor."""
    import torch
    from transformers import AutoModelForCausalLM

    load = AutoModelForCausalLM.from_pretrained
    wanted = load(folder, dtype=torch.float32).state_dict()
    found = load(folder, gguf_file=FILE, dtype=torch.float32).state_dict()
    other = [name for name in wanted if not _same(wanted[name], found.get(name))]
    if other or wanted.keys() != found.keys():
        names = ", ".join([*other, *sorted(found.keys() - wanted.keys())][:3])
        raise SweepError(f"--gguf: read again, these tensors differ: {names}; {_OTHER_CONVERTER}")


def _same(wanted: torch.Tensor, found: torch.Tensor | None) -> bool:
    import torch

    return found is not None and torch.equal(wanted, found)
