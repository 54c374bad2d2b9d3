"""Lanes that are due at the same tick are measured by the same passes of the base."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from trainables.data.tokens.batches import collate
from trainables.data.tokens.examples import Examples
from trainables.data.tokens.part import part_at_points
from trainables.lanes.bank import Bank
from trainables.lanes.lane import Lane
from trainables.lanes.layout import Layout
from trainables.losses.batch import to_batch, to_device
from trainables.losses.forward import evaluating
from trainables.losses.loss import Floats
from trainables.training.base import autocast
from trainables.training.workshop import Workshop


class JointEvaluation:
    """The validation set of a workshop, measured with the adapters of several lanes."""

    def __init__(self, workshop: Workshop, base: PreTrainedModel, bank: Bank) -> None:
        self._workshop = workshop
        self._base, self._bank = base, bank

    def groups(self, lanes: Sequence[Lane], tokens: int | None) -> list[tuple[Lane, ...]]:
        """The lanes to measure together, so many that no pass is of more tokens than given: those
        at their ends, which are measured whole, and the others."""
        ending = [lane for lane in lanes if lane.ends]
        others = [lane for lane in lanes if not lane.ends]
        return [*self._split(ending, tokens), *self._split(others, tokens)]

    def _split(self, lanes: Sequence[Lane], tokens: int | None) -> list[tuple[Lane, ...]]:
        if not lanes:
            return []
        if tokens is None:
            return [tuple(lanes)]
        examples = self._workshop.validation_set
        each = _micro_batch(lanes) * examples.arity * examples.longest
        size = max(1, tokens // max(1, each))
        return [tuple(lanes[at : at + size]) for at in range(0, len(lanes), size)]

    @torch.no_grad()
    def rows(self, lanes: Sequence[Lane]) -> list[Floats]:
        """Each lane's rows of the validation set, or of what is measured before a trial's end;
        those of one are as if it were measured alone."""
        examples, first = self._workshop.validation_set, lanes[0]
        if not first.ends:
            examples = part_at_points(first.config, examples) or examples
        with evaluating(self._base):
            rows = self._rows(lanes, examples)
        return list(rows.cpu().numpy())

    def _rows(self, lanes: Sequence[Lane], examples: Examples) -> torch.Tensor:
        """[lanes, examples, columns]."""
        device, loss = self._workshop.device, lanes[0].loss
        by_length = np.argsort(-examples.lengths, kind="stable")
        size = _micro_batch(lanes)
        rows = torch.zeros(
            len(lanes), len(examples), loss.columns, dtype=torch.float64, device=device
        )
        for at in range(0, len(examples), size):
            places = by_length[at : at + size]
            asked = [examples[int(place)] for place in places] * len(lanes)
            batch = to_device(to_batch(collate(asked, self._workshop.pad_id)), device)
            layout = self._layout(lanes, len(places), examples.arity)
            with self._bank.active(layout), autocast(lanes[0].config, device):
                found = loss.rows(self._base, batch)
            rows[:, torch.from_numpy(places).to(device)] = found.double().view(
                len(lanes), len(places), -1
            )
        return rows

    def _layout(self, lanes: Sequence[Lane], rows: int, arity: int) -> Layout:
        """The first sequences of all examples of all lanes, then the second ones."""
        adapters = [lane.adapter for lane in lanes] * arity
        return Layout(adapters, [rows] * len(adapters), device=self._workshop.device)


def _micro_batch(lanes: Sequence[Lane]) -> int:
    return min(lane.config.micro_batch_size for lane in lanes)
