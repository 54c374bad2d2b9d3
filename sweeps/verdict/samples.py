"""Generated answers of the base model and of trials to the same prompts, as read from a sweep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from results.ranking.front import judge
from results.records.samples import SAMPLES, SampleRecord, read_samples
from sweeps.base.errors import SweepError
from sweeps.display.parameters import show_params
from sweeps.home.home import SweepFolder
from trainables.core.data_error import printable, short
from trainables.metrics.effort import ANSWER_SECONDS, LOOKED_UP, PROMPT_TOKENS

BASE = "base"
SHOWN_TRIALS = 2
"""Number of best trials shown by default, beside the base."""

_COSTS = {each.name for each in (ANSWER_SECONDS, LOOKED_UP, PROMPT_TOKENS)}

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
    numbers = _best(folder) if trials is None else _known(folder, trials)
    places = {f"trial {number}": folder.store.trial_folder(number) for number in numbers}
    found = {
        name: {each.prompt_number: each for each in read_samples(place / SAMPLES)}
        for name, place in {BASE: folder.base, **places}.items()
    }
    _refuse_if_missing(folder, found, trials)
    kept = {name: samples for name, samples in found.items() if samples}
    wanted = {
        number
        for number, (first, *others) in by_prompt(kept).items()
        if prompt.casefold() in first.prompt.casefold()
        and not (only_differing and all(each.answer == first.answer for each in others))
    }
    if not wanted:
        raise SweepError(_nothing_left(folder.path.name, kept, prompt, only_differing))
    return {
        name: {number: each for number, each in samples.items() if number in wanted}
        for name, samples in kept.items()
    }


def heads(folder: SweepFolder, samples: Samples) -> Mapping[str, str]:
    """What each is: the trial's method and searched values, and how many of its answers differ from
    the base's."""
    records = {f"trial {each.number}": each for each in folder.trials()}
    found = {BASE: "the untouched model"}
    for name, answers in samples.items():
        if name != BASE:
            record = records[name]
            params = {"method": record.config.get("method", ""), **record.params}
            shown = show_params({key: value for key, value in params.items() if value != ""})
            found[name] = f"{shown}{_differing(answers, samples.get(BASE, {}))}"
    return {name: found[name] for name in samples}


def _differing(answers: Mapping[int, SampleRecord], base: Mapping[int, SampleRecord]) -> str:
    both = [number for number in answers if number in base]
    count = sum(answers[number].answer != base[number].answer for number in both)
    return f"; differs from the base in {count} of {len(both)}" if both else ""


def _best(folder: SweepFolder) -> list[int]:
    ranking = judge(folder.trials(), folder.sweep_record().goals)
    return [winner.record.number for winner in ranking.winners[:SHOWN_TRIALS]]


def _known(folder: SweepFolder, trials: Sequence[int]) -> Sequence[int]:
    """The trials; SweepError if one is none of the sweep's."""
    known = [record.number for record in folder.trials()]
    for number in trials:
        if number not in known:
            there = f"its trials are {known[0]} to {known[-1]}" if known else "it has no trials yet"
            raise SweepError(f"{folder.path.name} has no trial {number}; {there}")
    return trials


def _nothing_left(name: str, samples: Samples, prompt: str, only_differing: bool) -> str:
    """What to say if no prompt is shown."""
    count = len(by_prompt(samples))
    if not prompt:
        return (
            f"{name}: the answers to all {count} prompts are the same; leave --only-differing out, "
            "or name other trials with --trials"
        )
    how = " and answers that differ" if only_differing else ""
    first = next(iter(by_prompt(samples).values()))[0].prompt
    return (
        f"{name}: none of the {count} prompts has {short(prompt)!r} in it{how}; leave --prompt out "
        f"to see them all (the first begins {printable(short(' '.join(first.split())))!r})"
    )


def _refuse_if_missing(folder: SweepFolder, found: Samples, trials: Sequence[int] | None) -> None:
    name, running = folder.path.name, not folder.sweep_record().state.ended
    missing = [each for each, samples in found.items() if not samples and each != BASE]
    if trials and missing:
        having = [each for each, samples in found.items() if samples and each != BASE]
        rest = f"; leave it out: {', '.join(having)} did" if having else ""
        raise SweepError(
            f"{name}: {', '.join(missing)} left no generated answers, as trials do that end before "
            f"answers are generated{rest}"
        )
    if not any(found.values()) and running:
        raise SweepError(
            f"{name} has no generated answers yet: the base's come once it is measured, a trial's "
            "with its evaluations (none, if no metric of answers is searched or in "
            "evaluation.metrics)"
        )
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


def values_shown(sample: SampleRecord, names: Collection[str] | None = None) -> str:
    """The values of an answer (None: all), and whether it was cut off, in words."""
    parts = [
        f"{name.removeprefix('eval_')} {value:.4g}"
        for name, value in sample.values.items()
        if names is None or name in names
    ]
    return ", ".join([*parts, *([] if sample.ended else ["cut off at max_new_tokens"])])


def telling(samples: Sequence[SampleRecord]) -> set[str]:
    """The metrics by which the answers to a prompt differ, apart from what they cost."""
    values = {(name, value) for each in samples for name, value in each.values.items()}
    counts = Counter(name for name, _ in values)
    return {name for name, count in counts.items() if count > 1 and name not in _COSTS}
