"""The references of a slot's trials: the untouched base, held as each trial can share it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext

import torch

from trainables.config.trial import TrialConfig
from trainables.losses.batch import Batch
from trainables.losses.reference import Reference, ReferenceMemo, as_untouched
from trainables.training.base import (
    BaseModel,
    Loading,
    autocast,
    autocast_dtype,
    is_scattered,
    loading_of,
)
from trainables.training.zero.scatter import ready

Bare = Callable[[], AbstractContextManager[None]]
"""A context in which a model has nothing on it but what PEFT put there."""


class References:
    """What the base says about every example, known once for all trials of a kind.

    `examples` is the number of examples of all sets, each of `arity` sequences.
    """

    def __init__(self, base: BaseModel, examples: int, arity: int, device: torch.device) -> None:
        self._base = base
        self._size = examples, arity
        self._device = device
        self._memos: dict[tuple[Loading, torch.dtype | None], ReferenceMemo] = {}
        self._beside: torch.nn.Module | None = None
        self.held = ExitStack()
        """The engine of a reference shared by the ranks; lives as long as its caller needs it."""

    def forget(self) -> None:
        """Forget all answers."""
        self._memos.clear()

    def memo(self, config: TrialConfig) -> ReferenceMemo:
        """The answers known to trials with the precision of this one."""
        kind = loading_of(config), autocast_dtype(config)
        if kind not in self._memos:
            self._memos[kind] = ReferenceMemo(*self._size, self._device)
        return self._memos[kind]

    def of(
        self, config: TrialConfig, model: torch.nn.Module, bare: Bare = nullcontext
    ) -> Reference:
        """The base's answers. If the ranks share its weights, they compute them together."""
        base = model if config.tunes.keeps_base(config) else self.untouched(config)
        tokens = self._base.tokens

        def untouched(batch: Batch) -> torch.Tensor:
            with bare(), as_untouched(base), autocast(config, self._device):
                return tokens.loss_sums(base, batch)

        return Reference(self.memo(config), untouched, together=is_scattered(config))

    @contextmanager
    def base_of(self, config: TrialConfig, model: torch.nn.Module) -> Iterator[torch.nn.Module]:
        """The base for new sequences: the model without its adapter, or the one beside it."""
        base = model if config.tunes.keeps_base(config) else self._kept_beside(config)
        with as_untouched(base), autocast(config, self._device):
            yield base

    def _kept_beside(self, config: TrialConfig) -> torch.nn.Module:
        if self._beside is None:
            self._beside = self.untouched(config)
            self.held.callback(self._let_go)
        return self._beside

    def _let_go(self) -> None:
        self._beside = None

    def untouched(self, config: TrialConfig) -> torch.nn.Module:
        """The base beside a trial's own copy, until `held` is closed."""
        scattered = is_scattered(config)
        base: torch.nn.Module = (self._base.lend if scattered else self._base.shared)(config)
        return self.held.enter_context(ready(base, config, self._device))
