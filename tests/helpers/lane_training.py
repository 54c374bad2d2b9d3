"""What the tests of lanes share: trials in lanes, and what is left of them."""

from __future__ import annotations

from collections import deque

import tiny_training as tiny

from trainables.training.checkpoints import NO_CHECKPOINTS


class Kept(tiny.Watcher):
    """Also keeps the outcome, the error and the reason for training alone."""

    outcome = error = alone = None

    def end(self, outcome):
        self.outcome = outcome

    def fail(self, error):
        self.error = error

    def go_alone(self, why):
        self.alone = why or "memory"


def entry(config, watcher=None, checkpoints=NO_CHECKPOINTS):
    """A trial that asks for a lane."""
    from trainables.lanes.lane import Entry

    kept = watcher or Kept()
    return Entry(config, kept, checkpoints, kept.end, kept.fail, kept.go_alone)


def run_lanes(workshop, *entries, lanes=None):
    """Train the entries, refilling each free lane with the next; their watchers."""
    from trainables.lanes.loop import Lanes

    waiting = deque(entries[1:])
    made = Lanes(workshop, lanes or len(entries))
    made.run(entries[0], lambda: waiting.popleft() if waiting else None)
    return [each.monitor for each in entries]


def in_lanes(workshop, *configs, lanes=None):
    """The same for configs."""
    return run_lanes(workshop, *map(entry, configs), lanes=lanes)
