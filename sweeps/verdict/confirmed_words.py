"""The verdict on a confirmed sweep, in sentences. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from results.ranking.confirmation import Confirmation, Confirmed
from results.ranking.confirmed_front import ConfirmedFront, ConfirmedPoint
from results.ranking.winners import Ranking
from results.records.record import SweepRecord
from sweeps.verdict.overlaps import overlap_sentence, overlaps_searched_by
from sweeps.verdict.single import against_base, in_words, stopped

_SURE = 0.995
"""Above it a probability is called more than 99%: its own error is not worth decimals."""


def confirmed_verdict(sweep: SweepRecord, ranking: Ranking, found: Confirmation) -> tuple[str, str]:
    """(winner, certainty and caveats)."""
    lucky = ranking.winners[0].record.number
    sentences = (
        *filter(None, [overlaps_searched_by(sweep)]),
        *_comparison(found),
        *_tie(found),
        *_luck(found, lucky),
        *_left_out(found.trials),
        *_lost(found.trials),
        *_unchanged(found.trials),
        *filter(None, [stopped(ranking)]),
    )
    lines = (" ".join(sentences), *_on_the_test_set(sweep, found.winner))
    return _who(sweep, found), "\n".join(lines)


def confirmed_front_verdict(sweep: SweepRecord, found: ConfirmedFront) -> tuple[str, str]:
    """(the trials that stay on the front, certainty)."""
    stay = [each.number for each in found.trials if each.on_front]
    stays = "stays" if len(stay) == 1 else "stay"
    who = (
        f"{in_words(sorted(stay))} of {_count(len(found.trials), 'confirmed trial')} {stays} on "
        f"the front by means over {_seeds(found.trials)}{sweep.so_far}."
    )
    return who, " ".join((*_front_chances(found), *_lost(found.trials)))


def varied(names: Sequence[str]) -> str:
    """What fresh seeds change, and what they do not."""
    same = "The split of the data, the examples measured and all settings stay the same."
    if not names:
        return (
            "Nothing in these trials depends on a seed, so all repeats will be equal: confirmation "
            "tells nothing here."
        )
    *others, last = names
    listed = f"{', '.join(others)} and {last}" if others else last
    return f"Fresh seeds vary {listed}. {same}"


def _who(sweep: SweepRecord, found: Confirmation) -> str:
    winner, seeds = found.winner, len(found.winner.values)
    wins = "leads" if sweep.so_far else "wins"
    deviation = winner.deviation
    spread = f" (standard deviation between seeds {deviation:.4f})" if deviation else ""
    by = f"by its mean over {_count(seeds, 'fresh seed')}"
    parts = [
        f"Trial {winner.number} {wins}{sweep.so_far} {by}: {found.metric} {winner.mean:.4f}{spread}"
    ]
    if len(found.trials) > 1:
        second = found.trials[1]
        lead = found.better_by(winner.mean, second.mean)
        noise = found.noise.error if found.noise else 0.0
        error = f" ± {noise * math.sqrt(2):.4f}" if noise else ""
        parts.append(f"{lead:.4f}{error} ahead of trial {second.number}")
    if (base := sweep.base.get(found.metric)) is not None and math.isfinite(base):
        parts.append(against_base(found.metric, found.better_by(winner.mean, base), None))
    return ", ".join(parts) + "."


def _comparison(found: Confirmation) -> Iterator[str]:
    compared = [each for each in found.trials if each.chance is not None]
    if found.noise is None:
        shared = "it has fewer than two complete seeds"
        if len(found.trials) > 1:
            shared = "no two trials have two complete seeds in common"
        yield f"The certainty is unknown: {shared}."
        return
    if not found.noise.error:
        return  # see _unchanged
    if len(compared) < 2:
        yield "No other trial was confirmed, so there is nothing to compare it with."
        return
    chance = found.winner.chance
    assert chance is not None, "the winner is compared"
    covered = (
        f"seeds and {found.noise.examples:,} validation examples"
        if found.noise.examples
        else "seeds; not of the validation examples, for which this metric has no values"
    )
    yield (
        f"It is the best of {len(compared)} confirmed trials with a probability of "
        f"{_percent(chance)}, from the variance of {covered}."
    )


def _tie(found: Confirmation) -> Iterator[str]:
    tied = found.tied
    if len(tied) < 2:
        return
    yield f"{in_words(sorted(each.number for each in tied))} are tied within noise."
    simplest = found.simplest
    if simplest is found.winner:
        yield "None of the others is simpler than the winner."
        return
    size = f"{simplest.record.trainable_parameters:,} trained parameters"
    tokens = f"{simplest.record.whole_tokens:,} tokens"
    yield f"The simplest of them is trial {simplest.number} ({size}, {tokens})."


def _luck(found: Confirmation, lucky: int) -> Iterator[str]:
    """How much the run that won the search had been flattered."""
    first = next((each for each in found.trials if each.number == lucky), None)
    if first is None:
        return
    flattered = found.flattered(first)
    how = "better" if flattered >= 0 else "worse"
    whose = "Its first run" if first is found.winner else f"Trial {lucky} had won the search: it"
    yield (
        f"{whose} measured {first.first:.4f}, {abs(flattered):.4f} {how} than the mean of its "
        "fresh seeds; that run chose the trial, so it is no part of the mean."
    )


def _left_out(trials: Sequence[Confirmed]) -> Iterator[str]:
    more = [each for each in trials if each.left_out and each.chance is not None]
    if more:
        have = "have" if len(more) > 1 else "has"
        numbers = sorted(each.number for each in more)
        yield (
            f"{in_words(numbers)} {have} further seeds, which do not count here: not all confirmed "
            "trials have them."
        )


def _lost(trials: Sequence[Confirmed | ConfirmedPoint]) -> Iterator[str]:
    for each in trials:
        if each.lost:
            total = each.lost + len(each.repeats)
            yield f"{each.lost} of {total} seeds of trial {each.number} did not complete."


def _unchanged(trials: Sequence[Confirmed]) -> Iterator[str]:
    same = [each.number for each in trials if not each.varies]
    if same:
        unknown = ", and the certainty is unknown" * (len(same) == len(trials) > 1)
        yield (
            f"Fresh seeds changed nothing in {in_words(same).lower()}: no noise was "
            f"measured{unknown}."
        )


def _on_the_test_set(sweep: SweepRecord, winner: Confirmed) -> Iterator[str]:
    name = f"test_{sweep.metric.removeprefix('eval_')}"
    mean = winner.mean_of(name)
    if mean is None:
        return
    base = f" (the base model: {sweep.base[name]:.4f})" if name in sweep.base else ""
    yield " ".join(
        filter(
            None,
            (
                f"On the test set, never used for selection, its seeds have a mean {name} of "
                f"{mean:.4f}{base}.",
                overlap_sentence(sweep, "test"),
            ),
        )
    )


def _front_chances(found: ConfirmedFront) -> Iterator[str]:
    known = [(each.number, each.chance) for each in found.trials if each.chance is not None]
    if not known:
        yield "The certainty is unknown: fewer than two seeds are complete in each trial."
        return
    listed = ", ".join(f"{number}: {_percent(chance)}" for number, chance in sorted(known))
    yield (
        f"Probability of being on the front of the confirmed trials, by trial: {listed}, from the "
        "variance of seeds; that of the validation examples is not part of it."
    )


def _seeds(trials: Sequence[ConfirmedPoint]) -> str:
    counts = sorted({len(each.repeats) for each in trials})
    low = _count(counts[0], "fresh seed")
    return low if len(counts) == 1 else f"{counts[0]} to {_count(counts[-1], 'fresh seed')}"


def _percent(chance: float) -> str:
    if chance > _SURE:
        return "more than 99%"
    return f"{chance:.0%}" if chance > 1 - _SURE else "less than 1%"


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
