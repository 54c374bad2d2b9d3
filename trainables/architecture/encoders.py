"""Models in which each token sees the later ones."""

from __future__ import annotations

from transformers import PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES


def is_encoder(config: PreTrainedConfig) -> bool:
    """Whether it is made to fill in masked words, as BERT is, and not to write."""
    masked = config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return masked and not getattr(config, "is_decoder", False)
