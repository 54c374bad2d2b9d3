"""Generated answers of the base model and of trials to the same prompts, one below the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from results.ranking.front import judge
from results.ranking.summary import strict
from results.records.samples import SAMPLES, SampleRecord, read_samples
from sweeps.base.errors import SweepError
from sweeps.display.terminal import escaped
from sweeps.home.home import SweepFolder

WIDTH = 100
BASE = "base"
SHOWN_TRIALS = 2
"""Number of best trials shown by default, beside the base."""

_HEAD, _TAIL = 300, 120
"""Characters shown from the beginning and the end of a long text."""

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
        for number, (first, *others) in _by_prompt(kept).items()
        if prompt.casefold() in first.prompt.casefold()
        and not (only_differing and all(each.answer == first.answer for each in others))
    }
    if not wanted:
        raise SweepError(f"{folder.path.name}: none of {_count(kept)} prompts is as asked for")
    return {
        name: {number: each for number, each in samples.items() if number in wanted}
        for name, samples in kept.items()
    }


def samples_report(samples: Samples) -> RenderableType:
    """All prompts with reference and answers, at most 100 columns wide."""
    return Group(*(part for number in _by_prompt(samples) for part in _prompt(samples, number)))


def samples_lines(samples: Samples) -> Iterator[str]:
    """One JSON object for each answer; `trial` is null for the base."""
    for name, each in samples.items():
        number = None if name == BASE else int(name.split()[-1])
        for sample in each.values():
            line = {"trial": number, **sample.model_dump()}
            yield json.dumps(strict(line), ensure_ascii=False)


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


def _by_prompt(samples: Samples) -> dict[int, list[SampleRecord]]:
    """The answers to each prompt, in the order of the prompts."""
    numbers = sorted({number for each in samples.values() for number in each})
    return {
        number: [each[number] for each in samples.values() if number in each] for number in numbers
    }


def _count(samples: Samples) -> int:
    return len(_by_prompt(samples))


def _prompt(samples: Samples, number: int) -> Iterator[RenderableType]:
    answered = {name: each[number] for name, each in samples.items() if number in each}
    first = next(iter(answered.values()))
    yield Rule(Text(f"prompt {number}"), align="left", style="dim")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("prompt", _text(first.prompt))
    table.add_row("reference", _text(first.reference))
    for name, sample in answered.items():
        table.add_row(name, _text(sample.answer))
        table.add_row("", Text(_values(sample), "dim"))
    yield table


def _values(sample: SampleRecord) -> str:
    parts = [f"{name.removeprefix('eval_')} {value:.4g}" for name, value in sample.values.items()]
    return ", ".join([*parts, *([] if sample.ended else ["cut off at max_new_tokens"])])


def _text(text: str) -> Text:
    left_out = len(text) - _HEAD - _TAIL
    if left_out >= 40:
        text = f"{text[:_HEAD]} … {left_out:,} characters … {text[-_TAIL:]}"
    return Text(escaped(text) if text.strip() else "(empty)")
