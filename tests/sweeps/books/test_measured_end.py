"""What a trial's record keeps of its cost."""

from __future__ import annotations

from record_samples import trial

from sweeps.books.measured import with_cost
from trainables.core.evaluation import Cost


def test_a_trial_that_goes_on_alone_has_shared_a_base():
    together = with_cost(trial(), Cost(seconds=1.0, lanes=3))
    alone = with_cost(together, Cost(seconds=2.0, lanes=1))
    assert (alone.lanes, alone.seconds) == (3, 2.0)
