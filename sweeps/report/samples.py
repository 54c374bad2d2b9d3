"""Generated answers of the base model and of trials to the same prompts, one below the other."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from results.ranking.strict import strict
from sweeps.display.terminal import escaped
from sweeps.verdict.samples import BASE, Samples, by_prompt, telling, values_shown

WIDTH = 100

_HEAD, _TAIL = 300, 120
"""Characters shown from the beginning and the end of a long text."""


def samples_report(
    samples: Samples, heads: Mapping[str, str], goals: Collection[str]
) -> RenderableType:
    """All prompts with reference and answers, at most 100 columns wide: what each trial is, then
    its answers, with their values of the `goals` and of metrics by which they differ."""
    head = _table()
    for name, text in heads.items():
        head.add_row(name, _text(text))
    prompts = (part for number in by_prompt(samples) for part in _prompt(samples, number, goals))
    return Group(head, *prompts)


def samples_lines(samples: Samples) -> Iterator[str]:
    """One JSON object for each answer; `trial` is null for the base."""
    for name, each in samples.items():
        number = None if name == BASE else int(name.split()[-1])
        for sample in each.values():
            line = {"trial": number, **sample.model_dump()}
            yield json.dumps(strict(line), ensure_ascii=False)


def _table() -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _prompt(samples: Samples, number: int, goals: Collection[str]) -> Iterator[RenderableType]:
    answered = {name: each[number] for name, each in samples.items() if number in each}
    first = next(iter(answered.values()))
    names = telling([*answered.values()]) | {*goals}
    yield Rule(Text(f"prompt {number}"), align="left", style="dim")
    table = _table()
    table.add_row("prompt", _text(first.prompt))
    table.add_row("reference", _text(first.reference))
    for name, sample in answered.items():
        table.add_row(name, _text(sample.answer))
        if values := values_shown(sample, names):
            table.add_row("", Text(values, "dim"))
    yield table


def _text(text: str) -> Text:
    left_out = len(text) - _HEAD - _TAIL
    if left_out >= 40:
        text = f"{text[:_HEAD]} … {left_out:,} characters … {text[-_TAIL:]}"
    return Text(escaped(text) if text.strip() else "(empty)")
