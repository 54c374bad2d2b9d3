"""No training: the base as it is."""

from __future__ import annotations

from trainables.methods.untrained import Untrained


class NoTraining(Untrained):
    """The base as it is, among the trials."""

    name = "none"


NONE = NoTraining()
