"""Generated answers of the base model and of trials to the same prompts, as read from a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from results.ranking.front import judge
from results.records.samples import SAMPLES, SampleRecord, read_samples
from sweeps.base.errors import SweepError
from sweeps.home.home import SweepFolder

BASE = "base"
SHOWN_TRIALS = 2
"""Number of best trials shown by default, beside the base."""

Samples = Mapping[str, Mapping[int, SampleRecord]]
"""For the base and each trial ("trial 3"), its samples by prompt number."""


def find_samples(
    folder: SweepFolder,
    trials: Sequence[int] | None = None,
    prompt: str = "",
    only_differing: bool = False,
) -> Samples:
    """The samples of the base and of `trials` (None: of the best).

    Only prompts that contain the text `prompt`, and, if wanted, whose answers differ. SweepError
    if there are none.
    """
    numbers = _best(folder) if trials is None else trials
    places = {f"trial {number}": folder.store.trial_folder(number) for number in numbers}
    found = {
        name: {each.prompt_number: each for each in read_samples(place / SAMPLES)}
        for name, place in {BASE: folder.base, **places}.items()
    }
    _refuse_if_missing(folder.path.name, found, trials)
    kept = {name: samples for name, samples in found.items() if samples}
    wanted = {
        number
        for number, (first, *others) in by_prompt(kept).items()
        if prompt.casefold() in first.prompt.casefold()
        and not (only_differing and all(each.answer == first.answer for each in others))
    }
    if not wanted:
        raise SweepError(f"{folder.path.name}: none of {_count(kept)} prompts is as asked for")
    return {
        name: {number: each for number, each in samples.items() if number in wanted}
        for name, samples in kept.items()
    }


def _best(folder: SweepFolder) -> list[int]:
    ranking = judge(folder.trials(), folder.sweep_record().goals)
    return [winner.record.number for winner in ranking.winners[:SHOWN_TRIALS]]


def _refuse_if_missing(name: str, found: Samples, trials: Sequence[int] | None) -> None:
    missing = [each for each, samples in found.items() if not samples and each != BASE]
    if trials and missing:
        raise SweepError(f"{name}: {', '.join(missing)} left no generated answers")
    if not any(found.values()):
        raise SweepError(
            f"{name} has no generated answers; name metrics of them in evaluation.metrics"
        )


def by_prompt(samples: Samples) -> dict[int, list[SampleRecord]]:
    """The answers to each prompt, in the order of the prompts."""
    numbers = sorted({number for each in samples.values() for number in each})
    return {
        number: [each[number] for each in samples.values() if number in each] for number in numbers
    }


def _count(samples: Samples) -> int:
    return len(by_prompt(samples))


def values_shown(sample: SampleRecord) -> str:
    """The values of an answer, and whether it was cut off, in words."""
    parts = [f"{name.removeprefix('eval_')} {value:.4g}" for name, value in sample.values.items()]
    return ", ".join([*parts, *([] if sample.ended else ["cut off at max_new_tokens"])])
