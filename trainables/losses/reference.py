"""Log-probabilities of answers under the untouched base: measured once per slot for all trials."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from peft import PeftModel

from trainables.core.ranks import any_rank
from trainables.data.tokens.sequences import IntArray
from trainables.losses.batch import Batch, queued
from trainables.losses.forward import evaluating

Untouched = Callable[[Batch], torch.Tensor]
"""From a batch to the loss sums of its sequences under the base."""


class ReferenceMemo:
    """The log-probabilities known so far: [examples, sequences of each], on the device.

    A slot keeps one for each precision. The base is the same for every trial, so only the first
    trial with an example pays for its reference. The flags of known ones are on the host, to avoid
    waiting for the device.
    """

    def __init__(self, examples: int, arity: int, device: torch.device) -> None:
        self._values = torch.zeros((examples, arity), device=device)
        self._known = np.zeros(examples, dtype=np.bool_)

    def knows(self, places: IntArray) -> bool:
        """Whether all of them are known."""
        return bool(self._known[places].all())

    def look_up(self, places: IntArray) -> torch.Tensor:
        """[places, arity]."""
        return self._values[self._index(places)]

    def keep(self, places: IntArray, values: torch.Tensor) -> None:
        """Remember `values` [places, arity]."""
        self._values[self._index(places)] = values
        self._known[places] = True

    def _index(self, places: IntArray) -> torch.Tensor:
        return queued(torch.from_numpy(places), self._values.device)


class Reference:
    """The reference of one trial: `untouched` runs the base, however this trial holds it.

    `together` means that the ranks share its weights: then all run it if any has to.
    """

    def __init__(self, memo: ReferenceMemo, untouched: Untouched, together: bool) -> None:
        self._memo = memo
        self._untouched = untouched
        self._together = together

    @torch.no_grad()
    def know(self, batch: Batch) -> None:
        """Run the base on the batch, unless its examples are known."""
        places = batch["place"]
        asked = not self._memo.knows(places)
        if self._together:
            (asked,) = any_rank(asked, device=batch["labels"].device)
        if asked:
            losses = self._untouched(batch)
            self._memo.keep(places, -losses.view(-1, len(places)).T.float())

    def __call__(self, batch: Batch) -> torch.Tensor:
        """The log-probability of the answers of known examples: [examples, arity]."""
        return self._memo.look_up(batch["place"])


@contextlib.contextmanager
def as_untouched(model: torch.nn.Module | PeftModel) -> Iterator[None]:
    """Context with the model's adapter and dropout disabled."""
    bare = model.disable_adapter() if isinstance(model, PeftModel) else contextlib.nullcontext()
    with evaluating(model), bare:
        yield
