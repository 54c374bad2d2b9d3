"""Notes about slots for the sweep's owner, each once: their hardware, and restarts."""

from __future__ import annotations

from collections.abc import Iterator

from results.records.cluster_record import ClusterRecord


class Remarks:
    """Remembers earlier remarks."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def new(self, cluster: ClusterRecord) -> list[str]:
        """The remarks not seen before."""
        remarks = dict.fromkeys((*_of_hardware(cluster), *_of_restarts(cluster)))
        new = [remark for remark in remarks if remark not in self._said]
        self._said.update(new)
        return new


def _of_hardware(cluster: ClusterRecord) -> Iterator[str]:
    for slot in cluster.slots:
        yield from slot.remarks


def _of_restarts(cluster: ClusterRecord) -> Iterator[str]:
    for slot in cluster.slots:
        if slot.restarts:
            head = f"{slot.name} restarted its workers (restart {slot.restarts})"
            yield f"{head}{_going_on(slot.sent_back)}"


def _going_on(trials: int) -> str:
    if not trials:
        return ""  # none was there: they had grown too large, say, or nothing was begun yet
    if trials == 1:
        return "; the trial that was running there continues from its last checkpoint"
    return (
        f"; the {trials} trials that were running there side by side continue from their last "
        "checkpoints, each alone in a slot, so that one at fault is found"
    )
