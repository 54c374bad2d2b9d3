"""What slots have said of what they run on, each remark once."""

from __future__ import annotations

from results.records.cluster_record import ClusterRecord


class Remarks:
    """Remembers what was said before."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def new(self, cluster: ClusterRecord) -> list[str]:
        """The remarks that come for the first time."""
        remarks = dict.fromkeys(remark for slot in cluster.slots for remark in slot.remarks)
        new = [remark for remark in remarks if remark not in self._said]
        self._said.update(new)
        return new
