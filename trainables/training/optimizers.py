"""The optimizers by their names in a trial's config.

| name             | class                             | state for each parameter |
|------------------|-----------------------------------|--------------------------|
| adamw            | torch.optim.AdamW                 | 8 bytes                  |
| adamw_fused      | torch.optim.AdamW, fused kernel   | 8 bytes                  |
| adamw_8bit       | bitsandbytes AdamW8bit            | 2 bytes                  |
| paged_adamw_8bit | bitsandbytes PagedAdamW8bit       | 2 bytes, may leave a GPU |
| adam             | torch.optim.Adam                  | 8 bytes                  |
| sgd              | torch.optim.SGD                   | 4 bytes (0 with beta1 0) |
| adafactor        | transformers.Adafactor            | about 0                  |
| lion             | bitsandbytes Lion                 | 4 bytes                  |
| lion_8bit        | bitsandbytes Lion8bit             | 1 byte                   |
| lamb             | pytorch_optimizer Lamb            | 8 bytes                  |

The 8-bit ones keep small tensors (below 4,096 elements) in 32 bits. LAMB is not the one of
bitsandbytes, which scales an update to its weight's norm and never moves a LoRA's B from zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from peft import PeftModel
from peft.optimizers import create_loraplus_optimizer
from torch.optim.lr_scheduler import LambdaLR

from trainables.architecture.value_head import value_head
from trainables.config.optimizer_config import OptimizerConfig
from trainables.config.trial import TrialConfig

Recipe = tuple[type[torch.optim.Optimizer], dict[str, object]]


def optimizer(config: TrialConfig) -> Recipe:
    """The class and its arguments (with the learning rate), as transformers' Trainer expects them.

    The trainer applies weight decay, and exempts biases and norms.
    """
    kind, settings = _RECIPES[config.optimizer.name](config.optimizer)
    if kind in (torch.optim.Adam, torch.optim.AdamW) and _steps_on_host(config):
        # Nine times as fast there as the default, which is a loop over all weights, and as fast as
        # DeepSpeed's own CPU Adam, which needs compiling first.
        settings["fused"] = True
    return kind, {"lr": config.learning_rate, **settings}


def lora_plus(model: PeftModel, config: TrialConfig) -> torch.optim.Optimizer:
    """The same optimizer with the B matrices at lora.learning_rate_ratio times the rate."""
    kind, settings = optimizer(config)
    made: torch.optim.Optimizer = create_loraplus_optimizer(
        model,
        kind,
        loraplus_lr_ratio=config.tunes.learning_rate_ratio(config),
        loraplus_weight_decay=config.optimizer.weight_decay,
        **settings,
    )
    return made


def rate_value_head(made: torch.optim.Optimizer, model: torch.nn.Module, ratio: float) -> None:
    """Give the value head `ratio` times the learning rate, and no weight decay."""
    head = value_head(model)
    if head is None:
        return
    own = {id(each) for each in head.parameters()}
    rate = made.param_groups[0]["lr"]
    for group in made.param_groups:
        group["params"] = [each for each in group["params"] if id(each) not in own]
    mine = {"params": [*head.parameters()], "lr": ratio * rate, "weight_decay": 0.0}
    made.add_param_group(mine)


def set_rates(schedule: LambdaLR) -> None:
    """Give an optimizer the rates of its schedule's step; a loaded state has the rates of the trial
    that saved it, from which this one may part there."""
    known = schedule.optimizer.param_groups, schedule.base_lrs, schedule.lr_lambdas
    for group, base, factor in zip(*known, strict=True):
        group["lr"] = base * factor(schedule.last_epoch)


def _steps_on_host(config: TrialConfig) -> bool:
    if not torch.cuda.is_available():
        return True
    return config.deepspeed is not None and config.deepspeed.offload_optimizer != "none"


def _torch(name: str, settings: OptimizerConfig, **more: object) -> Recipe:
    betas = (settings.beta1, settings.beta2)
    return getattr(torch.optim, name), {"betas": betas, "eps": settings.epsilon, **more}


def _bitsandbytes(name: str, settings: OptimizerConfig) -> Recipe:
    import bitsandbytes

    known: dict[str, object] = {"betas": (settings.beta1, settings.beta2)}
    if "Adam" in name:
        known["eps"] = settings.epsilon
    return getattr(bitsandbytes.optim, name), known


def _sgd(settings: OptimizerConfig) -> Recipe:
    return torch.optim.SGD, {"momentum": settings.beta1}


def _lamb(settings: OptimizerConfig) -> Recipe:
    from pytorch_optimizer import Lamb

    betas = (settings.beta1, settings.beta2)
    # Otherwise the first steps are 1 / (1 - beta1) times as long as the paper's.
    return Lamb, {"betas": betas, "eps": settings.epsilon, "adam_debias": True}


def _adafactor(settings: OptimizerConfig) -> Recipe:
    from transformers.optimization import Adafactor

    return Adafactor, {"scale_parameter": False, "relative_step": False}


_RECIPES: Mapping[str, Callable[[OptimizerConfig], Recipe]] = {
    "adamw": partial(_torch, "AdamW"),
    "adamw_fused": partial(_torch, "AdamW", fused=True),
    "adamw_8bit": partial(_bitsandbytes, "AdamW8bit"),
    "paged_adamw_8bit": partial(_bitsandbytes, "PagedAdamW8bit"),
    "adam": partial(_torch, "Adam"),
    "sgd": _sgd,
    "adafactor": _adafactor,
    "lion": partial(_bitsandbytes, "Lion"),
    "lion_8bit": partial(_bitsandbytes, "Lion8bit"),
    "lamb": _lamb,
}
