"""A sweep with priors. Light: no Optuna."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from results.records.prior import Prior
from search_spaces.space import Space
from search_spaces.values import Value
from sweeps.spec.spec import SweepSpec


def with_priors(spec: SweepSpec, priors: Sequence[Prior]) -> SweepSpec:
    """The sweep with these priors. Their points come after the file's own first points, and before
    those of its preset."""
    if not priors:
        return spec
    own = len(spec.search.first_points)
    before, after = spec.first_points[:own], spec.first_points[own:]
    points = (point for point in _points(priors, spec.space) if point not in before)
    return replace(spec, priors=tuple(priors), first_points=(*before, *points, *after))


def _points(priors: Sequence[Prior], space: Space) -> Iterator[dict[str, Value]]:
    """One for each method that the priors are for."""
    values: defaultdict[str | None, dict[str, Value]] = defaultdict(dict)
    for prior in priors:
        values[prior.method][prior.name] = prior.value
    for method, point in values.items():
        if method is not None and "method" in space:
            point = {"method": method, **point}
        yield space.parse_point(point, partial=True)
