"""The family of a model, from its config.json: what it reads and which objectives can train it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Family = Literal["decoder", "encoder", "encoder-decoder"]
"""How a model attends: to earlier tokens, to all, or with one half to each."""


def family_of(file: Path | None) -> Family:
    """The family of the model with this config.json; a decoder if nothing says otherwise."""
    config = _read(file)
    architectures = [str(name) for name in _listed(config.get("architectures"))]
    if any(name.endswith("ForCausalLM") for name in architectures):
        return "decoder"  # no import of transformers for what most models are
    return _by_type(str(config.get("model_type")), config, architectures)


def _by_type(kind: str, config: Mapping[str, object], architectures: list[str]) -> Family:
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    )

    if config.get("is_encoder_decoder") or kind in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES:
        return "encoder-decoder"
    masked = kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    masked = masked or any(name.endswith("ForMaskedLM") for name in architectures)
    return "encoder" if masked and not config.get("is_decoder") else "decoder"


def _read(file: Path | None) -> Mapping[str, object]:
    """The settings in the file; none if it cannot be read, which loading the model reports."""
    try:
        found = json.loads(file.read_text(encoding="utf-8")) if file else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []
