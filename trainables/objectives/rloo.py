"""REINFORCE leave-one-out: an answer's reward against the mean of the others to its prompt."""

from __future__ import annotations

from trainables.objectives.policy import Policy


class Rloo(Policy):
    """REINFORCE leave-one-out (Ahmadian et al. 2024, arXiv:2402.14740)."""

    name = "rloo"


RLOO = Rloo()
