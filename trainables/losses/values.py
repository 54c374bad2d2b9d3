"""What a value head expects at each token of answers, from the same pass as the policy's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from trainables.architecture.value_head import value_head
from trainables.losses.batch import Batch
from trainables.losses.head import head_module, unwrapped
from trainables.losses.tokens import asked_states, spread


@contextmanager
def valuing(
    model: torch.nn.Module, batch: Batch, trains_model: bool = False
) -> Iterator[list[torch.Tensor]]:
    """Context in which a pass of the model over the batch leaves values in the list.

    They are [sequences, length - 1]: at each target the value of the text before it, 0 elsewhere.
    The head is called within the model's forward pass, so that ZeRO-3 gathers its weights.
    `trains_model` lets their gradients through to the model.
    """
    inner = unwrapped(model)
    critic, words = value_head(inner), head_module(model)
    assert critic is not None and words is not None, "a trial with values has both heads"
    values: list[torch.Tensor] = []

    def listen(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        states = asked_states(inputs[0], batch)
        found = critic(states if trains_model else states.detach())
        values.append(spread(found[None], batch)[0])

    handle = words.register_forward_pre_hook(listen)
    try:
        yield values
    finally:
        handle.remove()


def value_losses(
    values: torch.Tensor, old: torch.Tensor, returns: torch.Tensor, clip: float | None
) -> torch.Tensor:
    """max((V - R)^2, (clip(V, V_old - clip, V_old + clip) - R)^2) / 2 of each token.

    The squared error is that of equation 9 of PPO (Schulman et al. 2017, arXiv:1707.06347); its
    half and its clip are from the authors' code (Huang et al. 2022, "The 37 Implementation Details
    of Proximal Policy Optimization", ICLR blog track, detail 9).
    """
    losses = (values - returns) ** 2
    if clip is not None:
        near = old + (values - old).clamp(-clip, clip)
        losses = torch.maximum(losses, (near - returns) ** 2)
    return losses / 2
