"""What a scoring function returned, as values of its metrics. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from trainables.config.own_metrics import CodeMetric
from trainables.core.data_error import shown
from trainables.metrics.written import Scored


def scored(name: str, metric: CodeMetric, value: object, count: int) -> dict[str, Scored]:
    """The value of each metric over `count` answers; ValueError if it is not as declared."""
    own = f"metrics.{name}: {metric.python}"
    if metric.modes is None:
        return {each: _scored(own, value, count) for each in metric.names(name)}
    parts = _by_key(own, value, count)
    if set(parts) != set(metric.modes):
        raise ValueError(
            f"{own} returned the keys {', '.join(sorted(parts)) or 'of no dict'}, and modes has "
            f"{', '.join(sorted(metric.modes))}; state the direction of each of them"
        )
    return {
        each: _scored(f"{own}, {key}", parts[key], count)
        for key, each in zip(metric.modes, metric.names(name), strict=True)
    }


def _by_key(own: str, value: object, count: int) -> Mapping[str, object]:
    """The values of a dict of lists or numbers, or of one dict for each answer."""
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, list) or len(value) != count:
        raise ValueError(f"{own} returned {shown(value)}; modes says that it returns a dict")
    if not all(isinstance(each, Mapping) and each.keys() == value[0].keys() for each in value):
        raise ValueError(f"{own} must return a dict with the same keys for each answer")
    return {key: [each[key] for each in value] for key in value[0]}


def _scored(own: str, value: object, count: int) -> Scored:
    if isinstance(value, Mapping):
        keys = ", ".join(f"{key}: max" for key in value)
        raise ValueError(f"{own} returned a dict; state each direction: modes: {{{keys}}}")
    if isinstance(value, list):
        if len(value) != count:
            raise ValueError(f"{own} returned {len(value)} values for {count} answers")
        numbers = [_number(own, each) for each in value]
        return Scored(math.fsum(numbers) / count if _finite(numbers) else math.nan, numbers)
    return Scored(_number(own, value))


def _finite(numbers: list[float]) -> bool:
    return all(map(math.isfinite, numbers))


def _number(own: str, value: object) -> float:
    if not isinstance(value, int | float):
        raise ValueError(f"{own} returned {shown(value)} where a number is needed")
    return float(value)
