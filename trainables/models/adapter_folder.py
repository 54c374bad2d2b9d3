"""A PEFT adapter given as a model: its base, and the two merged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trainables.core.data_error import said
from trainables.core.errors import ModelError
from trainables.core.model_source import ModelSource
from trainables.models.hf_config import is_quantised
from trainables.models.language_head import check_language_head
from trainables.models.model_file import read

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

_ADAPTER, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"

Task = Literal["CAUSAL_LM", "SEQ_CLS"]
"""PEFT's names of what an adapter is for: writing, or rating a whole text."""

_MERGEABLE = ("LORA", "ADALORA", "IA3", "LOHA", "LOKR", "OFT", "BOFT", "HRA", "RANDLORA", "VERA")
"""Types of adapters that change weights, so that they can become part of the model."""


def adapter_base(folder: Path, source: ModelSource, wanted: Task = "CAUSAL_LM") -> ModelSource:
    """The base of the adapter in a folder; ModelError if the two cannot be merged."""
    about = read(folder / _ADAPTER)
    base, kind, task = (
        about.get(key) for key in ("base_model_name_or_path", "peft_type", "task_type")
    )
    if not isinstance(base, str) or not base:
        raise ModelError(f"model: {folder / _ADAPTER} names no base_model_name_or_path; name it")
    if kind not in _MERGEABLE:
        raise ModelError(
            f"model: {folder} holds an adapter of type {kind}, which cannot be merged into its "
            f"base; use its base model {base}"
        )
    if task not in ((wanted,) if wanted != "CAUSAL_LM" else (None, wanted)):
        raise ModelError(
            f"model: {folder} holds an adapter for the task {task}, and only those for {wanted} "
            f"are merged; merge it yourself (merge_and_unload), or use its base model {base}"
        )
    if not (folder / _WEIGHTS).is_file():
        raise ModelError(f"model: {folder} has no {_WEIGHTS}; download it too")
    found = _found(base, folder, source)
    if wanted == "CAUSAL_LM":
        check_language_head(found)
    return found


def _found(base: str, folder: Path, source: ModelSource) -> ModelSource:
    """The base by its name, or beside the adapter."""
    beside = folder / base
    found = beside if not Path(base).is_dir() and beside.is_dir() else Path(base)
    if not found.is_dir():
        if ModelSource(base).is_path:
            raise ModelError(
                f"model: {folder / _ADAPTER} names the base {base}, which does not exist here; "
                "correct its base_model_name_or_path"
            )
        return replace(source, name=base, revision=None)
    if is_quantised(found / "config.json"):
        raise ModelError(
            f"model: {folder} is an adapter of {base}, whose weights are quantised, so merging "
            "would round the adapter away; use the base with its weights in bf16"
        )
    return replace(source, name=str(found.resolve()), revision=None)


def merge(folder: Path, base: ModelSource, made: Path, task: Task = "CAUSAL_LM") -> None:
    """Write the base with the adapter merged in, and the tokenizer, to an empty folder."""
    from transformers import AutoTokenizer

    from trainables.core.progress_bars import no_progress_bars
    from trainables.models.model_folder import check_model

    check_model(base)
    own = any(folder.glob("tokenizer*"))
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            str(folder) if own else base.name, trust_remote_code=base.trust_remote_code
        )
        with no_progress_bars():
            merged = _merged(folder, base, len(tokenizer) if own else 0, task)
            merged.save_pretrained(made)
    except Exception as error:  # library boundary: invalid input can raise anything
        raise ModelError(
            f"model: the adapter in {folder} cannot be merged into {base.name} ({said(error)}); "
            f"use the base that it was trained on"
        ) from error
    tokenizer.save_pretrained(made)


def _merged(folder: Path, base: ModelSource, tokens: int, task: Task) -> PreTrainedModel:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    from trainables.models.merging import untie

    rates = task == "SEQ_CLS"
    kind = AutoModelForSequenceClassification if rates else AutoModelForCausalLM
    model = kind.from_pretrained(
        base.name,
        **({"num_labels": 1} if rates else {}),
        dtype=torch.float32,  # one rounding, at the end
        use_safetensors=True,
        trust_remote_code=base.trust_remote_code,
    )
    dtype = _own_dtype(base)
    if tokens > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(tokens, mean_resizing=False)
    adapted = PeftModel.from_pretrained(model, folder)
    untie(adapted)
    merged: PreTrainedModel = adapted.merge_and_unload()
    return merged.to(dtype) if dtype is not None else merged


def _own_dtype(base: ModelSource) -> torch.dtype | None:
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(base.name, trust_remote_code=base.trust_remote_code)
    dtype: torch.dtype | None = config.dtype
    return dtype
