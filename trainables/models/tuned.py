"""A model that is tuned: a method put on a base, taken off, saved, and read again."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from peft import PeftModel
from peft.utils import ModulesToSaveWrapper, get_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from trainables.config.trial import TrialConfig
from trainables.core.errors import RefusedError


def attach(
    base: PreTrainedModel, config: TrialConfig, new_tokens: Sequence[int] = ()
) -> PreTrainedModel | PeftModel:
    """The model that the trial trains, with requires_grad set on its trainable part only.

    The rows of `new_tokens` in the embeddings train as well, or whole embeddings do.
    """
    return config.tunes.attach(base, config, new_tokens)


def detach(model: PreTrainedModel | PeftModel) -> PreTrainedModel:
    """The base as it was before `attach`; of a method that trains the base, the model itself."""
    base = _without_adapter(model) if isinstance(model, PeftModel) else model
    # Both would stay on for every later trial, and the second would pile up.
    base.activation_checkpointing_disable()
    base.disable_input_require_grads()
    # PEFT leaves its mark behind and would warn at the next trial.
    vars(base).pop("peft_config", None)
    base._hf_peft_config_loaded = False
    return base


def save(
    model: PreTrainedModel | PeftModel, folder: Path, state: dict[str, torch.Tensor] | None
) -> None:
    """Write the trained part as safetensors: the adapter, or the whole model of a full fine-tune.

    `state` is the gathered state dict where ranks hold only shares of the weights.
    """
    # The cache is off only while we train; whoever loads the model wants to generate with it.
    model.config.use_cache = True
    if isinstance(model, PeftModel):
        # PEFT's model card is a form that nobody has filled in, and takes longer than the weights.
        model.create_or_update_model_card = _no_card
        # PEFT would add whole embeddings to an adapter that trains a few rows of them.
        model.save_pretrained(folder, state_dict=state, save_embedding_layers=False)
    else:
        model.save_pretrained(folder, state_dict=state)
    model.config.use_cache = False


def _no_card(folder: str) -> None:
    """In the place of PEFT's."""


def restore(
    base: PreTrainedModel, config: TrialConfig, folder: Path
) -> PreTrainedModel | PeftModel:
    """The model that `save` wrote; an adapter is put on `base`, and `detach` takes it off again.

    RefusedError where the folder does not hold, whole, what `save` writes for this trial and base;
    an adapter may then be half on.
    """
    try:
        weights = _weights_in(folder, base.device)
        if config.tunes.trains_base:
            _check_weights(weights, base.state_dict())
            # Weights that are tied to others are not saved.
            base.load_state_dict(weights, strict=False)
            return base
        model = _with_adapter(base, folder)
        _check_weights(weights, get_peft_model_state_dict(model, save_embedding_layers=False))
        return model
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise RefusedError(
            f"the weights in {folder} do not match this trial, or are damaged: {first_line}; copy "
            "them again from the original, or train the trial again"
        ) from error


def save_trained(model: torch.nn.Module, file: Path) -> None:
    """Write the weights that train, as they are, for `reload_trained`.

    What `save` writes is for use: of a prompt's encoder, for one, only what it makes.
    """
    save_file({name: weight.contiguous() for name, weight in _trained(model).items()}, file)


@torch.no_grad()
def reload_trained(model: torch.nn.Module, file: Path) -> None:
    """Put back what `save_trained` wrote of a model that was set up alike."""
    saved = load_file(file)
    for name, weight in _trained(model).items():
        weight.copy_(saved[name])


def _trained(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: each.detach() for name, each in model.named_parameters() if each.requires_grad}


def _weights_in(folder: Path, device: torch.device) -> dict[str, torch.Tensor]:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ValueError("no safetensors file found")
    return {name: w for file in files for name, w in load_file(file, device=str(device)).items()}


def _with_adapter(base: PreTrainedModel, folder: Path) -> PeftModel:
    with warnings.catch_warnings():
        # It would only warn of weights that are missing.
        warnings.filterwarnings("ignore", message="Found missing adapter keys")
        try:
            return PeftModel.from_pretrained(base, folder)
        except RuntimeError as error:
            if "size mismatch" not in str(error):
                raise  # such as a GPU without memory
            raise ValueError(str(error).splitlines()[1].strip()) from error


def _check_weights(weights: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> None:
    """ValueError unless the weights are all that is wanted, or tied to it, and nothing else."""
    held = {tensor.data_ptr() for name, tensor in wanted.items() if name in weights}
    for name, tensor in wanted.items():
        if name not in weights and tensor.data_ptr() not in held:
            raise ValueError(f"{name} is missing")
        if name in weights and weights[name].shape != tensor.shape:
            shapes = [list(each.shape) for each in (weights[name], tensor)]
            raise ValueError(f"{name} is {shapes[0]}, not {shapes[1]}")
    for name in weights:
        if name not in wanted:
            raise ValueError(f"the model has no {name}")


def parameter_counts(model: torch.nn.Module) -> tuple[int, int]:
    """(trainable, total) numbers of parameters, also where ZeRO-3 has taken the weights away."""
    sizes = [(getattr(p, "ds_numel", p.numel()), p.requires_grad) for p in model.parameters()]
    return sum(n for n, trains in sizes if trains), sum(n for n, _ in sizes)


def _without_adapter(model: PeftModel) -> PreTrainedModel:
    _put_back_originals(model)
    prompts = model.active_peft_config.is_prompt_learning
    base: PreTrainedModel = model.get_base_model() if prompts else model.unload()
    return base


def _put_back_originals(model: torch.nn.Module) -> None:
    """Put back the modules that PEFT trained a whole copy of, such as a classifier's head.

    PEFT's own unload would leave the trained copies in their place.
    """
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, ModulesToSaveWrapper):
                setattr(module, name, child.original_module)
