"""How many lanes fit: the bytes that are free, and those that each lane adds. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from trainables.config.trial import TrialConfig
from trainables.lanes.adapter import Adapter
from trainables.planning.inventory import Inventory, Weight
from trainables.planning.states import states_of


@dataclass(frozen=True)
class Ledger:
    """Bytes of a device that already holds the base.

    `free` ones; a pass's own, `fixed`, whatever its lanes; what each lane adds to a pass with a
    micro-batch of the longest examples, `passing`: activations, logits, gradients; and what it
    holds between passes, `held`: its adapter and its optimizer's state.
    """

    free: int
    fixed: int
    passing: int
    held: int

    @property
    def fit(self) -> int:
        """The number of lanes that fit; the first is there anyway."""
        return max(1, (self.free - self.fixed) // max(1, self.passing + self.held))


def held_by(adapter: Adapter, config: TrialConfig) -> int:
    """The bytes of a lane's adapter and optimizer."""
    trained = [Weight(tuple(each.shape), each.element_size()) for each in adapter.parameters]
    return states_of(Inventory((), (), 0, tuple(trained)), config, 1).resting
