"""`micro_batch_size: auto`, as a trial's fields say it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

SIZE, GROWS, AUTO = "micro_batch_size", "micro_batch_grows", "auto"


def with_growth(given: Mapping[str, object]) -> dict[str, object]:
    """The fields of a trial with `auto` as a field of its own. A number ends the growth: it was
    found, or follows from a lack of memory."""
    size = given.get(SIZE)
    rest = {name: value for name, value in given.items() if name not in (SIZE, GROWS)}
    if size == AUTO:
        return {**rest, GROWS: True}
    return {**rest, SIZE: size} if size is not None else dict(given)
