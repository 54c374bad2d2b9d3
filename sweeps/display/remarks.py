"""Slots' remarks about their hardware, each once."""

from __future__ import annotations

from results.records.cluster_record import ClusterRecord


class Remarks:
    """Remembers earlier remarks."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def new(self, cluster: ClusterRecord) -> list[str]:
        """The remarks not seen before."""
        remarks = dict.fromkeys(remark for slot in cluster.slots for remark in slot.remarks)
        new = [remark for remark in remarks if remark not in self._said]
        self._said.update(new)
        return new
