"""What may be changed of a sweep when it is resumed, and what may not have changed meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from results.records.record import SweepRecord
from search_spaces.dotted import leaves
from search_spaces.values import show
from sweeps.base.errors import SweepError
from sweeps.home.home import SweepFolder
from sweeps.spec.spec import SweepSpec
from trainables.training.inputs import Prepared

FREE = ("budget.trials", "slots", "tracking", "storage")
"""What of a spec decides no trial's meaning; a name covers the fields below it."""

BOUND = tuple(
    f"slots.deepspeed.{name}" for name in ("config", "quantized_weights", "quantized_gradients")
)
"""What below them does: by it, losses differ."""


_UNSET = object()


def changed_spec(
    folder: SweepFolder, given: Path | None, overrides: Sequence[str]
) -> tuple[SweepSpec, list[str]]:
    """The spec to go on with, and what is new in it: `budget.trials: 8 -> 20`.

    SweepError names a change after which its trials could not be compared with the earlier ones.
    """
    stored = SweepSpec.load(folder.spec)
    before = stored.tree if given else None
    wanted = SweepSpec.load(given or folder.spec, overrides, stored.name, before=before)
    before, after = (leaves(spec.tree, keep_empty=True) for spec in (stored, wanted))
    changes = [
        (name, f"{name}: {_shown(before, name)} -> {_shown(after, name)}")
        for name in sorted({*before, *after})
        # A null is not the same as nothing, which may have another default.
        if before.get(name, _UNSET) != after.get(name, _UNSET) and name != "name"
    ]
    _refuse_fewer(wanted, len(folder.store.trials()))
    refused = [text for name, text in changes if not _is_free(name)]
    if refused:
        listed = "\n  ".join(refused)
        raise SweepError(
            f"sweep {stored.name!r} cannot be resumed with these changes, after which its trials "
            f"would not be comparable:\n  {listed}\nundo them, or launch another sweep with "
            f"--name; {', '.join(FREE)} may be changed"
        )
    return wanted, [text for _, text in changes]


def refuse_if_changed(earlier: SweepRecord, prepared: Prepared | None) -> None:
    """SweepError where the model or the data are not what the sweep began with."""
    known = earlier.provenance
    if known is None or prepared is None:
        return
    now = {"data": prepared.data_fingerprint, "model": prepared.model_fingerprint}
    then = {"data": known.data_fingerprint, "model": known.model_fingerprint}
    for what, fingerprint in now.items():
        if fingerprint != then[what]:
            raise SweepError(
                f"sweep {earlier.name!r} cannot be resumed: its {what} has changed since it was "
                f"launched (fingerprint {then[what]}, now {fingerprint}); put it back, or launch "
                "another sweep"
            )


def _refuse_fewer(wanted: SweepSpec, known: int) -> None:
    if wanted.trials < known:
        raise SweepError(
            f"budget.trials: {wanted.trials} is less than the {known} trials that sweep "
            f"{wanted.name!r} has on record; keep them, or launch another sweep with --name"
        )


def _is_free(name: str) -> bool:
    return name not in BOUND and any(name == free or name.startswith(f"{free}.") for free in FREE)


def _shown(tree: Mapping[str, object], name: str) -> str:
    # An address may hold a password.
    if name.startswith(("tracking.", "storage.")):
        return "(an address)" if name in tree else "unset"
    return show(tree[name]) if name in tree else "unset"
