"""The parts of a record other than params and metrics, as the tags of an MLflow run, and back.

Tags are named "winnow." and the record's field; a few are MLflow's own. Unknown values (None) have
no tag.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from results.ranking.winners import Ranking
from results.records.record import CONFIRMATION as PREFIX_OF_CONFIRMATIONS
from results.records.record import Provenance, SweepRecord, TrialKey, TrialRecord

PREFIX = "winnow."
PARENT = "mlflow.parentRunId"
NUMBER = f"{PREFIX}number"
SWEEP = f"{PREFIX}sweep"
KIND = f"{PREFIX}kind"
CREATED = f"{PREFIX}created"
SEARCHED = f"{PREFIX}searched"
MEASURED = f"{PREFIX}measurements"

TOLD = f"{PREFIX}told"
"""Tag of a trial's run that has the whole record, whose hash it is."""

DESCRIPTION = "mlflow.note.content"
"""MLflow's tag for the description of a run."""

CONFIRMED = f"{PREFIX}confirmed_trial"
"""Tag of a sweep's run: the trial that wins by means over fresh seeds."""

ON_FRONT = f"{PREFIX}on_front"
"""Tag of the runs on the front at the end of a sweep with several metrics."""

LONGEST_TAG = 5000
"""Characters that every MLflow store accepts; longer values are silently cut."""

_VERSION = f"{PREFIX}version."
_FILE = f"{PREFIX}file."
_PROVENANCE = {
    "seed": f"{PREFIX}seed",
    "git_commit": "mlflow.source.git.commit",
    "git_dirty": f"{PREFIX}git_dirty",
    "data_fingerprint": f"{PREFIX}data_fingerprint",
    "model_fingerprint": f"{PREFIX}model_fingerprint",
    "device": f"{PREFIX}device",
}
_BY_HAND = ("added_by_hand", "stopped_by_hand")
"""Facts of few trials: the others have no tag."""

_OF_A_TRIAL = (
    "sweep",
    "number",
    "status",
    "attempts",
    "started",
    "ended",
    "error",
    "confirms",
    "repeat",
    "cloned_from",
    *_BY_HAND,
)
_TRIAL_AS_JSON = ("repairs", "kernels")
_BRANCH = "branch"
_OF_A_SWEEP = (
    "state",
    "error",
    "metric",
    "mode",
    "budget_trials",
    "asked_trials",
    "seconds_before",
    "pid",
    "created",
    "ended",
)
_AS_JSON = (
    "other_metrics",
    "caps",
    "reached",
    "quote",
    "method_choice",
    "edits",
    "resumed",
    "changes",
    "breakdowns",
    "overlaps",
    "rows_left_out",
    "rows_adjusted",
    "warm_start",
    "priors",
)


TRIAL, CONFIRMATION = "trial", "confirmation"
"""Kinds of a sweep's child runs."""


def kind_of(record: TrialRecord) -> str:
    """The kind of the record's run."""
    return TRIAL if record.confirms is None else CONFIRMATION


def run_name(record: TrialRecord) -> str:
    """The name of its run: `0007`, or `0007-seed-2` for a confirmation."""
    if record.confirms is None:
        return f"{record.number:04d}"
    return f"{record.confirms:04d}-seed-{record.repeat}"


def trial_tags(record: TrialRecord) -> dict[str, str]:
    """All facts of a trial besides its configuration, numbers and run id."""
    fields = {name: getattr(record, name) for name in _OF_A_TRIAL}
    fields["repeat"] = record.repeat or None
    fields |= {name: fields[name] or None for name in _BY_HAND}
    fields["error"] = _cut(record.error)
    for name in _TRIAL_AS_JSON:
        value = getattr(record, name)
        fields[name] = json.dumps(value) if value else None
    fields[_BRANCH] = record.branch.model_dump_json() if record.branch else None
    return {
        KIND: kind_of(record),
        SEARCHED: json.dumps(list(record.params)),
        MEASURED: str(len(record.measurements)),
        **_written(fields),
        **_source(record.sweep),
        **provenance_tags(record.provenance),
    }


def trial_fields(tags: Mapping[str, str]) -> dict[str, object]:
    """The inverse of `trial_tags`: fields of a TrialRecord."""
    return {
        **_read(tags, _OF_A_TRIAL),
        **{name: json.loads(tags.get(f"{PREFIX}{name}", "{}")) for name in _TRIAL_AS_JSON},
        _BRANCH: json.loads(tags.get(f"{PREFIX}{_BRANCH}", "null")),
        "provenance": provenance_in(tags),
    }


def key_in(tags: Mapping[str, str]) -> TrialKey:
    """What tells a run's trial apart within its sweep."""
    number = int(tags[NUMBER])
    return number if tags[KIND] == TRIAL else f"{PREFIX_OF_CONFIRMATIONS}{number}"


def searched_in(tags: Mapping[str, str]) -> list[str]:
    """The names of a trial's searched values."""
    names: list[str] = json.loads(tags[SEARCHED])
    return names


def sweep_tags(record: SweepRecord) -> dict[str, str]:
    """All facts of a sweep besides its base metrics, run id and tracking server."""
    fields = {name: getattr(record, name) for name in _OF_A_SWEEP}
    fields["error"] = _cut(record.error)
    for name, value in record.model_dump(mode="json", include={*_AS_JSON}).items():
        fields[name] = json.dumps(value) if value else None
    return {
        KIND: "sweep",
        **_written({**fields, "sweep": record.name, "search_seed": record.seed}),
        **_source(record.name),
        **provenance_tags(record.provenance),
    }


def _source(sweep: str) -> dict[str, str]:
    """The column Source of MLflow's UI: the sweep."""
    return {"mlflow.source.name": sweep, "mlflow.source.type": "LOCAL"}


def sweep_fields(tags: Mapping[str, str]) -> dict[str, object]:
    """The inverse of `sweep_tags`: fields of a SweepRecord."""
    return {
        **_read(tags, _OF_A_SWEEP),
        **{name: json.loads(text) for name, text in _read(tags, _AS_JSON).items()},
        "name": tags[SWEEP],
        "seed": tags.get(f"{PREFIX}search_seed"),
        "provenance": provenance_in(tags),
    }


def agrees(tags: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether a run has all `wanted` tags, and no others of ours."""
    return wanted.items() <= tags.items() and not stale(tags, wanted)


def stale(tags: Iterable[str], wanted: Mapping[str, str]) -> list[str]:
    """Our tags that a run should no longer have. A confirmed winner is never taken back."""
    return [
        tag for tag in tags if tag.startswith(PREFIX) and tag not in wanted and tag != CONFIRMED
    ]


def has_facts(tags: Mapping[str, str], record: TrialRecord) -> bool:
    """Whether a trial's run has the tags that its record has now, and none of an earlier one."""
    wanted = trial_tags(record)
    beside = {TOLD, ON_FRONT, *(tag for tag in tags if tag.startswith(_FILE))}
    return wanted.items() <= tags.items() and beside.issuperset(stale(tags, wanted))


def winner_tags(ranking: Ranking) -> dict[str, str]:
    """The winner, or the trials on the front ("3,1,8"); for the parent run."""
    chosen = [winner.record for winner in ranking.chosen]
    if ranking.several:
        return _written({"front": ",".join(str(record.number) for record in chosen)})
    fields = [{"winner": record.number, "winner_run_id": record.run_id} for record in chosen]
    return _written(fields[0]) if fields else {}


def provenance_tags(provenance: Provenance | None) -> dict[str, str]:
    """A tag for every known fact, and one for every library's version."""
    if provenance is None:
        return {}
    facts = {tag: getattr(provenance, name) for name, tag in _PROVENANCE.items()}
    tags = {tag: str(fact) for tag, fact in facts.items() if fact is not None}
    return tags | {f"{_VERSION}{name}": text for name, text in provenance.versions.items()}


def provenance_in(tags: Mapping[str, str]) -> Provenance | None:
    """The inverse of `provenance_tags`."""
    if _PROVENANCE["seed"] not in tags:
        return None
    facts = {name: tags[tag] for name, tag in _PROVENANCE.items() if tag in tags}
    versions = {
        tag.removeprefix(_VERSION): text for tag, text in tags.items() if tag.startswith(_VERSION)
    }
    return Provenance.model_validate({**facts, "versions": versions})


def file_tags(names: Mapping[str, str]) -> dict[str, str]:
    """Tags with the names of artifacts that contain parts of the record."""
    return {f"{_FILE}{name}": name for name in names}


def files_in(tags: Mapping[str, str]) -> list[str]:
    """The artifacts that contain parts of the record."""
    return [name for tag, name in tags.items() if tag.startswith(_FILE)]


def too_long(text: str | None) -> str | None:
    """`text` if it is too long for a tag, else None."""
    return text if text is not None and len(text) > LONGEST_TAG else None


def _cut(text: str | None) -> str | None:
    """The text, visibly shortened; MLflow would cut it silently."""
    return f"{text[: LONGEST_TAG - 1]}…" if text and too_long(text) else text


def _written(fields: Mapping[str, JsonValue]) -> dict[str, str]:
    return {f"{PREFIX}{name}": str(value) for name, value in fields.items() if value is not None}


def _read(tags: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: tags[f"{PREFIX}{name}"] for name in names if f"{PREFIX}{name}" in tags}
