"""The tables of a report: cost, data, provenance, and all trials."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.filesize import decimal

from results.ranking.figures import latest, places
from results.ranking.saved import saved_by_stopping, saved_by_warm_slots
from results.ranking.shared import shared_by_branches
from results.ranking.summary import trial_counts
from results.records.cluster_record import ClusterRecord
from results.records.method_choice import choice_of
from results.records.record import TrialRecord
from results.records.spending import seconds_of, shares, spent
from results.records.uris import redact
from sweeps.display.cluster_report import cost_line
from sweeps.display.duration import duration
from sweeps.display.parameters import show_value
from sweeps.planning.edits import in_words
from sweeps.verdict.overlaps import all_overlaps
from sweeps.verdict.results import Results

Lines = list[tuple[str, str]]


@dataclass(frozen=True)
class Row:
    """A trial in the table of all trials."""

    number: int
    status: str
    value: str
    best: bool
    params: dict[str, str]
    why: str


def cost(results: Results) -> Lines:
    """What the sweep used, and what early stopping saved."""
    trials = results.trials
    seconds, tokens = sum(r.seconds for r in trials), sum(r.tokens for r in trials)
    counts = trial_counts(results.sweep, trials)
    lines = [("trials", ", ".join(f"{count} {name}" for name, count in counts.items() if count))]
    lines.append(("training time of all trials", duration(seconds)))
    if repeats := results.folder.repeats():
        took = duration(sum(record.seconds for record in repeats))
        lines.append(("training time of the confirmation", f"{took}, {len(repeats)} trainings"))
    if results.sweep.ended:
        whole = seconds_of(results.sweep, results.sweep.ended)
        lines.append(("wall-clock time", duration(whole)))
    lines.append(("tokens trained on", f"{tokens:,}"))
    if peak := max((record.peak_memory_bytes for record in trials), default=0):
        lines.append(("greatest memory of a trial", decimal(peak)))
    if words := _saved(trials):
        lines.append(("saved by early stopping", words))
    spared = saved_by_warm_slots(results.sweep, [*trials, *repeats])
    if spared.loads:
        words = f"about {duration(spared.seconds)}, {spared.loads:,} loads of the base model"
        lines.append(("saved by warm slots", words))
    if (shared := shared_by_branches(trials)).trials:
        words = f"about {duration(shared.seconds)} and {shared.tokens:,} tokens"
        lines.append((f"taken over by {shared.trials} branches", words))
    cluster = results.folder.store.cluster()
    lines += _caps(results, cluster)
    if cluster is not None and (words := cost_line(cluster, "cost")):
        lines.append(("nodes", words.removeprefix("cost: ")))
    return lines


def _caps(results: Results, cluster: ClusterRecord | None) -> Lines:
    """What is spent of the caps, which of them ended the sweep, and a dry run's quote."""
    sweep, lines = results.sweep, []
    if sweep.caps:
        records = [*results.trials, *results.folder.repeats()]
        now = spent(sweep, cluster, records, time.time())
        lines += [("spent of the caps", words) for words in shares(sweep.caps, now)]
    if sweep.reached:
        lines.append(("ended by", f"budget.{sweep.reached.cap}: {sweep.reached.why}"))
    if sweep.quote:
        low, high = duration(sweep.quote["low"]), duration(sweep.quote["high"])
        lines.append(("training time that the dry run expected", f"{low} to {high}"))
    return lines


def _saved(trials: Sequence[TrialRecord]) -> str:
    saved = saved_by_stopping(trials)
    if not saved.trials:
        return ""
    return (
        f"about {duration(saved.seconds)} and {saved.steps:,} steps, the rest of {saved.trials} "
        f"stopped trial{'s' * (saved.trials > 1)}"
    )


_DATA = ("train", "validation", "test", "general", "format", "template", "max_length", "packing")


def data(results: Results) -> Lines:
    """The data as the sweep file names it, and what is known of it."""
    spec = results.spec
    lines: Lines = []
    if spec is not None:
        lines += [("model", spec.trial.model), ("objective", spec.trial.objective)]
        given = spec.trial.data.model_dump() if spec.trial.data else {}
        lines += [(name, _shown(given[name])) for name in _DATA if given.get(name) is not None]
    for name, count in results.sweep.rows_left_out.items():
        lines.append((f"rows left out: {name}", f"{count:,}"))
    known = results.sweep.provenance
    if known and known.data_fingerprint:
        lines.append(("fingerprint of the data", known.data_fingerprint))
    if known and known.model_fingerprint:
        lines.append(("fingerprint of the model", known.model_fingerprint))
    lines += known.winners.items() if known else ()
    return lines + [("overlap", sentence) for sentence in all_overlaps(results.sweep)]


def _shown(value: object) -> str:
    return value if isinstance(value, str) else show_value(value)


def provenance(results: Results) -> Lines:
    """The versions and the seed that decide the numbers."""
    known = results.sweep.provenance
    lines: Lines = [("seed", str(results.sweep.seed))]
    if known is None:
        return lines
    if known.git_commit:
        changed = ", with uncommitted changes" if known.git_dirty else ""
        lines.append(("commit of the launch folder", f"{known.git_commit}{changed}"))
    if choice := choice_of(results.sweep):
        lines.append(("method chosen before trial 1", choice.words))
    lines += [("edited before trial 1", in_words(edit)) for edit in results.sweep.edits]
    lines += [("changed on resume", change) for change in results.sweep.changes]
    devices = {r.provenance.device for r in results.trials if r.provenance}
    lines += [("device", device) for device in sorted(devices - {""})]
    return lines + sorted(known.versions.items())


def spec_text(results: Results) -> str:
    """The launched spec, without secrets in addresses; empty if it is gone."""
    try:
        text = results.folder.spec.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return "\n".join(map(redact, text.split("\n")))


def all_trials(results: Results) -> Iterator[Row]:
    """The ranked trials, best first, then the others with their reasons."""
    records = {record.number: record for record in results.trials}
    ranked = results.ranking.winners
    close = ranked if results.ranking.several else ()
    digits = {
        name: places(winner.best.metrics[name] for winner in close) for name in results.sweep.goals
    }
    for winner in ranked:
        yield _row(results, winner.record, digits, "", winner.record.number in results.chosen)
    for trial in results.ranking.left_out:
        yield _row(results, records[trial.number], digits, trial.why, False)


def _row(
    results: Results, record: TrialRecord, digits: Mapping[str, int], why: str, best: bool
) -> Row:
    counted = record.counted(results.sweep.goals) if record.status.can_win else record.last()
    shown = (latest(counted, name, count) if counted else "" for name, count in digits.items())
    values = [each for each in shown if each]
    params = {name: show_value(value) for name, value in record.params.items()}
    return Row(record.number, record.status.value, " / ".join(values), best, params, why)
