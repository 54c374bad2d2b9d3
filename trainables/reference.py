"""What the untouched base gives each answer: measured once in a slot, used by all its trials."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch
from peft import PeftModel

from trainables.objectives.objective import Batch
from trainables.objectives.tokens import loss_sums
from trainables.ranks import any_rank

Untouched = Callable[[Batch], torch.Tensor]
"""From a batch to the base's logits for it."""


class ReferenceMemo:
    """The log-probabilities that are known so far: [examples, sequences of each], else NaN.

    A slot keeps one for each precision. The base is the same for every trial, so that only the
    first one that sees an example pays for the reference.
    """

    def __init__(self, examples: int, arity: int) -> None:
        self._known = torch.full((examples, arity), torch.nan)

    def look_up(self, places: torch.Tensor) -> torch.Tensor | None:
        """[places, arity], or None where one of them is not known yet."""
        known = self._known[places]
        return None if known.isnan().any() else known

    def keep(self, places: torch.Tensor, values: torch.Tensor) -> None:
        """Remember `values` [places, arity]."""
        self._known[places] = values


class Reference:
    """The reference of one trial: `untouched` runs the base, however this trial holds it.

    `together` says that the ranks share its weights: then all of them run it where any has to.
    """

    def __init__(self, memo: ReferenceMemo, untouched: Untouched, together: bool) -> None:
        self._memo = memo
        self._untouched = untouched
        self._together = together

    @torch.no_grad()
    def __call__(self, batch: Batch) -> torch.Tensor:
        """The log-probability of each example's answers: [examples, arity]."""
        places = batch["place"].cpu()
        known = self._memo.look_up(places)
        asked = known is None
        if self._together:
            (asked,) = any_rank(asked, device=batch["labels"].device)
        if asked or known is None:
            losses = loss_sums(self._untouched(batch), batch["labels"])
            known = -losses.view(-1, len(places)).T.float().cpu()
            self._memo.keep(places, known)
        return known.to(batch["labels"].device)


@contextlib.contextmanager
def as_untouched(model: torch.nn.Module | PeftModel) -> Iterator[None]:
    """Without its adapter and without dropout, for as long as this lasts."""
    was_training = model.training
    model.eval()
    try:
        with model.disable_adapter() if isinstance(model, PeftModel) else contextlib.nullcontext():
            yield
    finally:
        model.train(was_training)
