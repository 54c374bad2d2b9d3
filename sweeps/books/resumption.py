"""Allowed changes to a resumed sweep, and changes that prevent a resume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from results.records.method_choice import choice_of
from results.records.record import SweepRecord
from search_spaces.dotted import leaves
from search_spaces.values import show
from sweeps.base.errors import SweepError
from sweeps.home.home import SweepFolder
from sweeps.planning.choice import with_choice
from sweeps.planning.edited import with_examples
from sweeps.spec.caps import CapsSettings
from sweeps.spec.spec import SweepSpec
from trainables.training.inputs import Prepared
from trainables.training.scoring.files import fingerprints

FREE = (
    *(f"budget.{name}" for name in ("trials", *CapsSettings.model_fields)),
    *("confirm", "slots", "tracking", "storage", "register"),
)
"""Fields that may change: trials stay comparable. A name covers the fields below it."""

BOUND = tuple(
    f"slots.deepspeed.{name}" for name in ("config", "quantized_weights", "quantized_gradients")
)
"""Exceptions below them: these change losses."""

OF_JUDGES = ("key_env", "requests_per_minute", "concurrency", "retries", "timeout", "prices")
"""Fields of a judge in `metrics` that may change: they do not change what it says."""

_UNSET = object()


def changed_spec(
    folder: SweepFolder, given: Path | None, overrides: Sequence[str]
) -> tuple[SweepSpec, list[str]]:
    """The spec of the resumed sweep, and its changes: `budget.trials: 8 -> 20`.

    SweepError on changes that make new trials incomparable with earlier ones.
    """
    stored = SweepSpec.load(folder.spec)
    before = stored.tree if given else None
    wanted = SweepSpec.load(given or folder.spec, overrides, stored.name, before=before)
    if wanted.open_methods and (choice := choice_of(folder.store.sweep())):
        wanted = with_choice(wanted, choice)
    settled = stored.trial.evaluation.examples
    if wanted.trial.evaluation.examples == "auto" and settled != "auto":
        wanted = with_examples(wanted, settled)
    before, after = (leaves(spec.tree, keep_empty=True) for spec in (stored, wanted))
    changes = [
        (name, f"{name}: {_shown(before, name)} -> {_shown(after, name)}")
        for name in sorted({*before, *after})
        # null differs from a missing field, which may have another default.
        if before.get(name, _UNSET) != after.get(name, _UNSET) and name != "name"
    ]
    _refuse_fewer(wanted, sum(not record.added_by_hand for record in folder.store.trials()))
    refused = [text for name, text in changes if not _is_free(name)]
    if refused:
        listed = "\n  ".join(refused)
        raise SweepError(
            f"sweep {stored.name!r} cannot be resumed with these changes, which make its trials "
            f"incomparable:\n  {listed}\nundo them, or launch another sweep with --name; "
            f"only these may change: {', '.join(FREE)}"
        )
    return wanted, [text for _, text in changes]


def refuse_if_changed(earlier: SweepRecord, prepared: Prepared | None) -> None:
    """SweepError if the model, the data or a metric's file changed since the launch."""
    known = earlier.provenance
    if known is None or prepared is None:
        return
    now = {"data": prepared.data_fingerprint, "model": prepared.model_fingerprint}
    then = {"data": known.data_fingerprint, "model": known.model_fingerprint, **known.metric_files}
    now |= fingerprints(prepared.inputs.metric_files)
    for what, fingerprint in now.items():
        if fingerprint != then.get(what):
            raise SweepError(
                f"sweep {earlier.name!r} cannot be resumed: its {what} has changed since the "
                f"launch (fingerprint {then.get(what)}, now {fingerprint}); restore the original, "
                "or launch another sweep"
            )


def _refuse_fewer(wanted: SweepSpec, known: int) -> None:
    if wanted.asked_trials < known:
        raise SweepError(
            f"budget.trials: must be at least {known}, the recorded trials of sweep "
            f"{wanted.name!r}, got {wanted.asked_trials}; raise it, or launch another sweep with "
            "--name"
        )


def _is_free(name: str) -> bool:
    section, _, inner = name.partition(".")
    if section == "metrics":
        return inner.partition(".")[2].partition(".")[0] in OF_JUDGES
    return name not in BOUND and any(name == free or name.startswith(f"{free}.") for free in FREE)


def _shown(tree: Mapping[str, object], name: str) -> str:
    # An address may contain a password.
    if name.startswith(("tracking.", "storage.")):
        return "(an address)" if name in tree else "unset"
    return show(tree[name]) if name in tree else "unset"
