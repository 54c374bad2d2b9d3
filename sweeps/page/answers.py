"""Generated answers in a report: base and best trials side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from results.records.record_error import RecordError
from results.records.samples import SampleRecord
from sweeps.base.errors import SweepError
from sweeps.verdict.results import Results
from sweeps.verdict.samples import by_prompt, find_samples, values_shown


@dataclass(frozen=True)
class Answered:
    """Who answered, what, and the answer's values."""

    who: str
    text: str
    values: str


@dataclass(frozen=True)
class Prompt:
    """A prompt with its answers; `differs`: whether these are not all the same."""

    number: int
    text: str
    reference: str
    answers: Sequence[Answered]
    differs: bool


def answers(results: Results) -> list[Prompt]:
    """Prompts with different answers first; empty if no answers are kept."""
    try:
        samples = find_samples(results.folder)
    except (SweepError, RecordError):
        return []
    prompts = []
    for number, (first, *_) in by_prompt(samples).items():
        own = [
            Answered(who, each[number].answer, values_shown(each[number]))
            for who, each in samples.items()
            if number in each
        ]
        differs = len({each.text for each in own}) > 1
        prompts.append(Prompt(number, first.prompt, _references(first), own, differs))
    return sorted(prompts, key=lambda each: not each.differs)


def _references(sample: SampleRecord) -> str:
    """All right answers, one below the other."""
    return "\n".join(sample.references or (sample.reference,))
