"""Several sweeps side by side, where they can be compared: on the same data, by the same metric."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from results.ranking.certainty import Difference
from results.ranking.winners import Winner, margin
from results.records.record import Mode
from search_spaces.dotted import leaves
from sweeps.base.errors import SweepError
from sweeps.display.parameters import show_value
from sweeps.home.home import SweepFolder
from sweeps.spec.yaml_file import read_yaml
from sweeps.verdict.paired import between, place_of
from sweeps.verdict.results import Results
from sweeps.verdict.single import SURE, amount

_PLACES = ("name", "tracking", "storage", "slots", "register")
"""Sections of a sweep file that change no trial's result."""


@dataclass(frozen=True)
class Entry:
    """One sweep: its winner, and how far this is behind the best winner of all (0: it is the best).

    `winner` is None without a complete trial, `measured` without paired values of both.
    """

    results: Results
    winner: Winner | None
    behind: float | None
    measured: Difference | None

    @property
    def name(self) -> str:
        """The sweep's name."""
        return self.results.sweep.name

    @property
    def distance(self) -> str:
        """`0.0123 ± 0.0045`: how far it is behind; empty for the best and its ties."""
        if not self.behind:
            return ""
        return amount(self.behind, self.measured)


@dataclass(frozen=True)
class Comparison:
    """The sweeps, the best first, and the settings in which their files differ.

    `settings` are by dotted name, with one value for each sweep, in the order of `entries`.
    """

    metric: str
    mode: Mode
    entries: Sequence[Entry]
    settings: dict[str, Sequence[object]]

    def sentences(self) -> list[str]:
        """Which sweep is best, by how much, and how sure that is."""
        ranked = [each for each in self.entries if each.winner is not None]
        if not ranked:
            return ["No trial of these sweeps has completed."]
        first, *others = ranked
        assert first.winner is not None, "ranked sweeps have winners"
        head = (
            f"Sweep {first.name} is best: its trial {first.winner.record.number} has {self.metric} "
            f"{first.winner.value:.4f}"
        )
        if not others:
            return [f"{head}; no other sweep has a complete trial."]
        second = others[0]
        if not second.behind:
            return [f"{head}, and so has the best of sweep {second.name}: a tie.", _luck(ranked)]
        lead = f"{head}, {second.distance} ahead of sweep {second.name}."
        return [lead, _certainty(second), _luck(ranked)]

    def shown_settings(self) -> Iterator[tuple[str, list[str]]]:
        """The settings in words; one that a file leaves out is empty."""
        for name, values in self.settings.items():
            yield name, ["" if value is None else show_value(value) for value in values]


def compare(folders: Sequence[SweepFolder]) -> Comparison:
    """SweepError with the reason if they cannot be compared."""
    names = [folder.path.name for folder in folders]
    if len(names) < 2:
        raise SweepError("sweep compare needs the names of two sweeps or more")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise SweepError(f"sweep {twice!r} is named twice")
    found = [Results.read(folder) for folder in folders]
    for other in found[1:]:
        _refuse_if_different(found[0], other)
    entries = _ranked(found)
    sweep = found[0].sweep
    return Comparison(sweep.metric, sweep.mode, entries, _settings(entries))


def _refuse_if_different(first: Results, other: Results) -> None:
    names = f"sweeps {first.sweep.name!r} and {other.sweep.name!r} cannot be compared"
    for each in (first, other):
        if len(each.sweep.goals) > 1:
            raise SweepError(
                f"{names}: {each.sweep.name!r} searches by {' and '.join(each.sweep.goals)}, and a "
                "front has no single best trial"
            )
    if first.sweep.goals != other.sweep.goals:
        told = [f"{each.metric} ({each.mode})" for each in (first, other)]
        raise SweepError(f"{names}: one is by {told[0]}, the other by {told[1]}")
    prints = [_fingerprint(each) for each in (first, other)]
    if prints[0] != prints[1]:
        told = [each or "unknown" for each in prints]
        raise SweepError(
            f"{names}: their prepared data differ (fingerprints {told[0]} and {told[1]}); they "
            "need the same files, split, tokenizer and settings of data"
        )


def _fingerprint(results: Results) -> str:
    known = results.sweep.provenance
    return known.data_fingerprint if known else ""


def _ranked(found: Sequence[Results]) -> list[Entry]:
    """The sweep with the best winner first; those without any last, as given."""
    won = [each for each in found if each.ranking.winners]
    sign = 1 if found[0].mode == "min" else -1
    won.sort(key=lambda each: sign * each.ranking.winners[0].value)
    rest = [Entry(each, None, None, None) for each in found if not each.ranking.winners]
    return [_entry(won[0], each) for each in won] + rest


def _entry(best: Results, own: Results) -> Entry:
    first, winner = best.ranking.winners[0], own.ranking.winners[0]
    behind = margin(first, winner, None, own.mode).to_next or 0.0
    measured = None
    if own is not best:
        places = [
            place_of(each.folder, each.ranking.winners[0].record.number) for each in (best, own)
        ]
        measured = between(own.metric, *places)
    return Entry(own, winner, behind, measured)


def _settings(entries: Sequence[Entry]) -> dict[str, Sequence[object]]:
    """The fields of the sweep files that are not the same in all; None where one is absent."""
    trees = []
    for each in entries:
        tree = read_yaml(each.results.folder.spec) if each.results.folder.spec.exists() else {}
        trees.append(leaves({name: own for name, own in tree.items() if name not in _PLACES}))
    names = dict.fromkeys(name for tree in trees for name in tree)
    values = {name: [tree.get(name) for tree in trees] for name in names}
    return {name: own for name, own in values.items() if any(each != own[0] for each in own)}


def _certainty(second: Entry) -> str:
    measured = second.measured
    if measured is None:
        return "How sure that lead is was not measured: it needs values per example of both."
    errors = abs(measured.z)
    head = f"That is {errors:.1f} standard errors, paired over {measured.count:,} examples: "
    if errors >= SURE:
        return f"{head}more than the noise of this validation set."
    return f"{head}too small to distinguish the two on this validation set."


def _luck(ranked: Sequence[Entry]) -> str:
    counts = {each.name: len(each.results.ranking.winners) for each in ranked}
    told = ", ".join(f"{count} of {name}" for name, count in counts.items())
    return (
        f"Compared are the best of the complete trials ({told}): each was trained once, and the "
        "best of more trials is the luckier one."
    ) + "".join(
        f" Fresh seeds of {each.name} are not compared; "
        f"`{each.results.folder.command('winners')}` has them."
        for each in ranked
        if each.results.confirmed
    )
