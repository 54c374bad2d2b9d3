"""A tuned model: attaching a method to a base, detaching, saving and restoring it."""

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

from trainables.architecture.value_head import NAME as VALUE_HEAD
from trainables.architecture.value_head import add_value_head, value_head
from trainables.config.trial import TrialConfig
from trainables.core.errors import RefusedError


def attach(
    base: PreTrainedModel, config: TrialConfig, new_tokens: Sequence[int] = ()
) -> PreTrainedModel | PeftModel:
    """The trial's model, with requires_grad set only on its trainable part.

    The embeddings' rows of `new_tokens`, or the whole embeddings, are trained too, and so is a
    value head, if the objective has one.
    """
    model = config.tunes.attach(base, config, new_tokens)
    if config.learns.has_value_head:
        add_value_head(model, base, one_dtype=config.deepspeed is not None)
    return model


def detach(model: PreTrainedModel | PeftModel) -> PreTrainedModel:
    """The base as before `attach`; for a method that trains the base, the model itself."""
    base = _without_adapter(model) if isinstance(model, PeftModel) else model
    # Both would stay on in all later trials, and the second would accumulate.
    base.activation_checkpointing_disable()
    base.disable_input_require_grads()
    # A leftover of PEFT's, which would make it warn in the next trial.
    vars(base).pop("peft_config", None)
    base._hf_peft_config_loaded = False
    return base


def save(
    model: PreTrainedModel | PeftModel, folder: Path, state: dict[str, torch.Tensor] | None
) -> None:
    """Write the trained part as safetensors: the adapter, or the whole model of a full fine-tune.

    `state` is the gathered state dict if ranks hold only shares of the weights. A value head, of
    use in training only, is left out.
    """
    if value_head(model) is not None:
        whole = model.state_dict() if state is None else state
        state = {name: each for name, each in whole.items() if not name.startswith(VALUE_HEAD)}
    # The cache is off only in training; a loaded model needs it for generation.
    model.config.use_cache = True
    if isinstance(model, PeftModel):
        # PEFT's model card is an empty form and takes longer to write than the weights.
        model.create_or_update_model_card = _no_card
        # PEFT would add whole embeddings to an adapter that trains only a few rows.
        model.save_pretrained(folder, state_dict=state, save_embedding_layers=False)
    else:
        model.save_pretrained(folder, state_dict=state)
    model.config.use_cache = False


def _no_card(folder: str) -> None:
    """No model card; replaces PEFT's function."""


def restore(
    base: PreTrainedModel, config: TrialConfig, folder: Path
) -> PreTrainedModel | PeftModel:
    """The model from `save`; an adapter is attached to `base`, and `detach` removes it again.

    RefusedError if the folder lacks any of the output of `save` for this trial and base; an adapter
    may then be half attached.
    """
    try:
        weights = _weights_in(folder, base.device)
        if config.tunes.trains_base:
            _check_weights(weights, base.state_dict())
            # Tied weights are not saved.
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
    """Write the trained weights, unchanged, for `reload_trained`.

    The output of `save` is for use: for example, only the output of a prompt's encoder.
    """
    save_file({name: weight.contiguous() for name, weight in _trained(model).items()}, file)


@torch.no_grad()
def reload_trained(model: torch.nn.Module, file: Path) -> None:
    """Restore weights from `save_trained` into an identically configured model."""
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
        # PEFT would only warn of missing weights.
        warnings.filterwarnings("ignore", message="Found missing adapter keys")
        try:
            return PeftModel.from_pretrained(base, folder)
        except RuntimeError as error:
            if "size mismatch" not in str(error):
                raise  # such as a GPU out of memory
            raise ValueError(str(error).splitlines()[1].strip()) from error


def _check_weights(weights: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor]) -> None:
    """ValueError unless the weights are exactly the wanted ones, except for tied ones."""
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
    """(trainable, total) numbers of parameters, including those partitioned away by ZeRO-3."""
    sizes = [(getattr(p, "ds_numel", p.numel()), p.requires_grad) for p in model.parameters()]
    return sum(n for n, trains in sizes if trains), sum(n for n, _ in sizes)


def _without_adapter(model: PeftModel) -> PreTrainedModel:
    _put_back_originals(model)
    prompts = model.active_peft_config.is_prompt_learning
    base: PreTrainedModel = model.get_base_model() if prompts else model.unload()
    return base


def _put_back_originals(model: torch.nn.Module) -> None:
    """Restore modules of which PEFT trained a whole copy, such as a classifier's head.

    PEFT's own unload would leave the trained copies instead.
    """
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, ModulesToSaveWrapper):
                setattr(module, name, child.original_module)
