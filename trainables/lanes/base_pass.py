"""One forward and backward pass of the base for the rows of several adapters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from transformers import PreTrainedModel

from trainables.config.trial import TrialConfig
from trainables.lanes.adapter import Adapter
from trainables.lanes.bank import Bank
from trainables.lanes.layout import Layout
from trainables.lanes.tick import Parts, Share, dropout_of, parts_of
from trainables.training.base import autocast
from trainables.training.workshop import Workshop

Losses = Callable[[torch.Tensor, Parts, list[slice]], list[torch.Tensor]]
"""From the outputs of all rows, the batch and the rows of each share to the loss of each."""


class BasePass:
    """Passes of one base; `config` is that of any trial of the kind."""

    def __init__(
        self, workshop: Workshop, base: PreTrainedModel, bank: Bank, config: TrialConfig
    ) -> None:
        self.device = workshop.device
        self._pad_id = workshop.pad_id
        self._base, self._bank, self._config = base, bank, config

    def __call__(
        self, shares: Sequence[Share], adapters: Sequence[Adapter], losses: Losses
    ) -> None:
        """Add the gradients of each share's loss to its adapter."""
        parts = parts_of(shares, self._pad_id, self.device)
        dropout = dropout_of(shares, parts.batch["input_ids"].shape[1], self.device)
        for share, part in zip(shares, parts.lanes, strict=True):
            share.lane.loss.prepare(part)
        layout = Layout(adapters, [share.rows for share in shares], dropout, self.device)
        with self._bank.active(layout):
            with autocast(self._config, self.device):
                outputs = shares[0].lane.loss.outputs(self._base, parts.batch)
            torch.autograd.backward(losses(outputs, parts, layout.spans()))
