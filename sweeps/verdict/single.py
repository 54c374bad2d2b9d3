"""The verdict on a sweep with one metric, in sentences backed by measurements. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from results.ranking.certainty import Difference
from results.ranking.figures import size
from results.ranking.winners import Ranking, Winner, margin
from results.records.record import SweepRecord, TrialStatus
from sweeps.verdict.overlaps import overlap_sentence, overlaps_searched_by
from sweeps.verdict.trained import trains

SURE = 2.0
"""Standard errors above which a difference counts as more than validation noise."""


def verdict(
    sweep: SweepRecord,
    ranking: Ranking,
    to_next: Difference | None = None,
    to_base: Difference | None = None,
) -> tuple[str, str]:
    """(winner, certainty); the second is empty if there is nothing to compare.

    `to_next` and `to_base` are the winner's paired differences to the next trial and to the base
    model, if known.
    """
    winners = at_the_top(ranking)
    second = behind_the_top(ranking)
    first = winners[0]
    ahead = margin(first, second, sweep.base.get(sweep.metric), sweep.mode)
    names = in_words(winner.record.number for winner in winners)
    wins = "leads" if sweep.so_far else "wins"
    head = f"{names} tie at the top" if len(winners) > 1 else f"{names} {wins}"
    head += sweep.so_far
    parts = [f"{head}: {sweep.metric} {first.value:.4f}"]
    if second is not None and ahead.to_next is not None:
        parts.append(f"{amount(ahead.to_next, to_next)} ahead of trial {second.record.number}")
    if ahead.to_base is not None:
        trained = trains(first.record)
        parts.append(against_base(sweep.metric, ahead.to_base, to_base, trained))
    doubts = (
        overlaps_searched_by(sweep),
        _certainty(first, second, to_next),
        stopped(ranking),
    )
    return ", ".join(parts) + ".", " ".join(filter(None, doubts))


def at_the_top(ranking: Ranking) -> Sequence[Winner]:
    """The best trial and its ties."""
    first = ranking.winners[0]
    return ranking.winners[: 1 + len(first.tied_with)]


def behind_the_top(ranking: Ranking) -> Winner | None:
    """The best trial that the winner beat."""
    return next(iter(ranking.winners[len(at_the_top(ranking)) :]), None)


def on_the_test_set(sweep: SweepRecord, winner: Winner) -> str:
    """The winner's result on the test set; empty without a test set."""
    name = f"test_{sweep.metric.removeprefix('eval_')}"
    if name not in winner.record.test:
        return ""
    base = f" (the base model: {sweep.base[name]:.4f})" if name in sweep.base else ""
    value = winner.record.test[name]
    said = f"On the test set, never used for selection: {name} {value:.4f}{base}."
    return " ".join(filter(None, (said, overlap_sentence(sweep, "test"))))


def against_base(
    metric: str, lead: float, measured: Difference | None, trained: bool = True
) -> str:
    """The lead over the untouched base model, in words."""
    noise = ", which may be noise" if measured and abs(measured.z) < SURE else ""
    if lead > 0:
        return f"{amount(lead, measured)} better than the untouched base model{noise}"
    if lead == 0:
        # Another model may have as many right answers.
        unchanged = ": training changed nothing" if metric == "eval_loss" else ""
        return f"exactly as good as the untouched base model{unchanged}"
    why = ": training did not improve this metric" if trained else ""
    return f"but {amount(-lead, measured)} WORSE than the untouched base model{noise}{why}"


def amount(lead: float, measured: Difference | None) -> str:
    """`0.0123 ± 0.0045`, without the standard error if it is unknown."""
    return size(lead) + (f" ± {size(measured.standard_error)}" if measured else "")


def _certainty(first: Winner, second: Winner | None, lead: Difference | None) -> str:
    if second is None:
        return ""
    trained = trains(first.record) or trains(second.record)
    caveat = _ONE_SEED if trained else _BEST_OF_MANY
    if lead is None:
        return f"The certainty of this lead was not measured. {caveat}"
    errors = abs(lead.z)
    measured = (
        f"The lead over trial {second.record.number} is {errors:.1f} standard errors, paired over "
        f"{lead.count:,} validation examples: "
    )
    if errors >= SURE:
        return f"{measured}more than the noise of this validation set. {caveat}"
    return f"{measured}too small to distinguish the two on this validation set. {caveat}"


def stopped(ranking: Ranking) -> str:
    """The caveat about early stopping: a stopped trial might have won."""
    pruned = sum(trial.status is TrialStatus.PRUNED for trial in ranking.left_out)
    if not pruned:
        return ""
    total = pruned + len(ranking.winners)
    return f"{pruned} of {total} trials were stopped early, and some might have ended better."


_ONE_SEED = (
    "Other seeds may give other results: each trial was trained once, and the best of many looks "
    "better than it is."
)

_BEST_OF_MANY = "The best of many trials looks better than it is."
"""Instead, where neither trial trained."""


def in_words(numbers: Iterable[int]) -> str:
    """`Trial 3`, `Trials 3 and 5`, `Trials 3, 5 and 8`."""
    *others, last = map(str, numbers)
    return f"Trials {', '.join(others)} and {last}" if others else f"Trial {last}"
