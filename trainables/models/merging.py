"""An adapter merged into its base: one whole model, for use without PEFT."""

from __future__ import annotations

from pathlib import Path

import torch
from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer
from transformers import PreTrainedModel

from trainables.config.trial import TrialConfig
from trainables.core.errors import RefusedError
from trainables.models import tuned


def refuse_to_merge(config: TrialConfig) -> None:
    """RefusedError if the method's trained part cannot become part of the base's weights."""
    reason = config.tunes.unmergeable
    if reason:
        raise RefusedError(
            f"--merge: a trial of method {config.method} cannot be merged: {reason}; export the "
            "adapter, without --merge"
        )


def merged(
    base: PreTrainedModel, config: TrialConfig, weights: Path, dtype: torch.dtype
) -> PreTrainedModel:
    """The base with the adapter in `weights` merged into it, rounded once, to `dtype`.

    `base` is held as in the trial, in 4 bits for qlora, and is used up. RefusedError if `weights`
    is not the output of this trial.
    """
    if getattr(base, "is_quantized", False):
        base = _dequantised(base)
    model = tuned.restore(base, config, weights)
    assert isinstance(model, PeftModel), "a method that trains the base leaves nothing to merge"
    model.float()
    untie(model)
    whole: PreTrainedModel = model.merge_and_unload(safe_merge=True)
    return whole.to(dtype)


def _dequantised(base: PreTrainedModel) -> PreTrainedModel:
    try:
        whole: PreTrainedModel = base.dequantize(dtype=torch.float32)
    except NotImplementedError as error:
        kind = base.config.quantization_config.quant_method
        raise RefusedError(
            f"--merge: transformers cannot dequantise a base held as {kind}, into which the "
            "adapter would be merged; export the adapter, without --merge"
        ) from error
    return whole


def untie(model: PeftModel) -> None:
    """Give the output layer its own weight if an adapter changes only one use of a tied weight.

    Merged into the shared weight, the change of the embeddings would be made to the output layer
    as well, and the other way round. Rows of new tokens stay tied: they are the same in both.
    """
    base = model.get_base_model()
    text = base.config.get_text_config()
    layers = [base.get_input_embeddings(), base.get_output_embeddings()]
    adapted = any(isinstance(layer, BaseTunerLayer) and _is_lora(layer) for layer in layers)
    if not getattr(text, "tie_word_embeddings", False) or not adapted:
        return
    output = layers[1].get_base_layer() if isinstance(layers[1], BaseTunerLayer) else layers[1]
    output.weight = torch.nn.Parameter(output.weight.detach().clone())
    base.config.tie_word_embeddings = text.tie_word_embeddings = False
    base.all_tied_weights_keys = {}


def _is_lora(layer: BaseTunerLayer) -> bool:
    return any(name.startswith("lora_") for name in layer.adapter_layer_names)
