"""Settings that the data leave without effect, or do not allow: known only once they are read."""

from __future__ import annotations

from collections.abc import Iterator

from search_spaces.dotted import leaves
from sweeps.base.errors import SweepError
from sweeps.spec.reach import reachable
from sweeps.spec.spec import SweepSpec
from trainables.training.inputs import Prepared

_WEIGHTS = "classification.class_weights"


def idle_settings(spec: SweepSpec, prepared: Prepared) -> tuple[str, ...]:
    """A note for each that is set or searched and that no trial reads."""
    given = {*leaves(spec.trial.model_dump(exclude_unset=True)), *spec.space}
    idle = _idle(spec, prepared)
    return tuple(f"{name} has no effect: {why}." for name, why in idle if name in given)


def _idle(spec: SweepSpec, prepared: Prepared) -> Iterator[tuple[str, str]]:
    target = prepared.inputs.target
    if spec.trial.objective == "reward" and prepared.summary.train.rewards is not None:
        yield "reward.center", "the data give each answer its reward, and only pairs leave a center"
    if target is not None and target != "multi_label":
        yield (
            "classification.threshold",
            f"the data are for target {target}, and multi_label has it",
        )


def check_class_weights(spec: SweepSpec, prepared: Prepared) -> None:
    """SweepError if labels that are numbers would be weighted as classes."""
    if prepared.inputs.target != "regression":
        return
    drawn = reachable(spec.space, [_WEIGHTS]) or [{}]
    fixed = leaves(spec.trial.model_dump())[_WEIGHTS]
    if any(point.get(_WEIGHTS, fixed) == "balanced" for point in drawn):
        raise SweepError(
            f"{_WEIGHTS}: balanced needs classes, and the labels are numbers; leave it out, or set "
            "classification.target: single_label"
        )
