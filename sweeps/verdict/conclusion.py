"""The verdict on any sweep, for the terminal, the report and MLflow."""

from __future__ import annotations

from results.ranking.confirmed_front import ConfirmedFront
from results.ranking.winners import Ranking
from results.records.record import SweepRecord
from sweeps.home.home import SweepFolder
from sweeps.verdict.beside_reward import beside_reward
from sweeps.verdict.confirmed_words import confirmed_front_verdict, confirmed_verdict
from sweeps.verdict.front import front_verdict
from sweeps.verdict.paired import between, paired, place_of
from sweeps.verdict.results import Results
from sweeps.verdict.single import behind_the_top, on_the_test_set, verdict
from sweeps.verdict.without_training import without_training


def nobody(sweep: SweepRecord, ranking: Ranking) -> str:
    """In place of a verdict without a comparable trial."""
    if any(trial.status.can_win for trial in ranking.left_out):
        metrics = " and ".join(sweep.goals)
        end = "so far" if sweep.so_far else "so there is no winner"
        return f"No complete trial has a finite value of {metrics}, {end}."
    if sweep.so_far:
        return "No trial has completed so far."
    return "No trial completed, so there is no winner."


def conclusion(results: Results) -> tuple[str, str]:
    """(winner or front, certainty and caveats); the second may be empty."""
    who, how_sure = _judged(results)
    return who, "\n".join(filter(None, (how_sure, beside_reward(results))))


def _judged(results: Results) -> tuple[str, str]:
    sweep, ranking, folder = results.sweep, results.ranking, results.folder
    if not ranking.winners:
        return nobody(sweep, ranking), ""
    confirmed = results.confirmed
    if isinstance(confirmed, ConfirmedFront):
        who, how_sure = confirmed_front_verdict(sweep, confirmed)
        return who, "\n".join((how_sure, *_front(results)))
    if confirmed is not None:
        return confirmed_verdict(sweep, ranking, confirmed)
    if ranking.several:
        who, how_sure = _front(results)
        return who, "\n".join(filter(None, (_unconfirmed(folder), how_sure)))
    first, second = ranking.winners[0], behind_the_top(ranking)
    number = first.record.number
    to_next = paired(sweep, folder, number, second.record.number) if second else None
    who, how_sure = verdict(sweep, ranking, to_next, paired(sweep, folder, number, None))
    needed = without_training(sweep, ranking, folder)
    lines = (needed, _unconfirmed(folder), how_sure, on_the_test_set(sweep, first))
    return who, "\n".join(filter(None, lines))


def _front(results: Results) -> tuple[str, str]:
    folder, ranking = results.folder, results.ranking
    dominated = [each.number for each in ranking.left_out if each.dominated_by is not None]
    numbers = [*(winner.record.number for winner in ranking.winners), *dominated]
    from_base = {
        name: {n: between(name, place_of(folder, n), folder.base) for n in numbers}
        for name in ranking.goals
    }
    return front_verdict(results.sweep, ranking, from_base)


def _unconfirmed(folder: SweepFolder) -> str:
    """That a confirmation told nothing so far; empty if none was begun."""
    repeats = folder.repeats()
    if not repeats:
        return ""
    ended = sum(each.status.ended for each in repeats)
    if ended < len(repeats):
        return "Its confirmation with fresh seeds has no result so far."
    return f"It is not confirmed: none of {ended} trainings with fresh seeds completed."
