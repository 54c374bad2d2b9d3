"""The machines of a cluster file's workers, by their types of node."""

from __future__ import annotations

from sweeps.planning.node_cards import Machine
from sweeps.remote.cluster_file import TYPE_FIELD, ClusterFile, Tree, listed, mapping


def machines_of(file: ClusterFile) -> dict[str, Machine]:
    """Each worker's type of node with its machine."""
    field = TYPE_FIELD.get(file.kind, "")
    return {
        name: _machine(mapping(each.get("node_config")), field)
        for name, each in file.worker_types.items()
    }


def _machine(config: Tree, field: str) -> Machine:
    kind = _last(config.get(field))
    given = [mapping(each) for each in listed(config.get("guestAccelerators"))]
    if not given:
        return Machine(kind)
    count = given[0].get("acceleratorCount")
    several = count if isinstance(count, int) else 1
    return Machine(kind, _last(given[0].get("acceleratorType")), several)


def _last(path: object) -> str:
    """The end of a name, which may be an address of the provider's."""
    return str(path or "").rpartition("/")[2]
