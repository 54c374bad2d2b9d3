"""A sweep's data: counts, lengths, and some examples as the model sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from sweeps.base.errors import SweepError
from sweeps.base.quiet import quiet
from sweeps.home.home import SweepHome
from sweeps.inputs.affordable_examples import settled
from sweeps.inputs.budgets import extents
from sweeps.inputs.prepare import checked_inputs, notes_on
from sweeps.spec.notes import notes
from sweeps.spec.spec import SweepSpec
from trainables.config.trial import TrialConfig
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.data.sets.summary import Summary
from trainables.data.tokens.examples import Examples
from trainables.data.tokens.prompts import Prompts
from trainables.data.tokens.samples import Sample, asked, sample
from trainables.data.tokens.tokenizer import Tokenizer, load_tokenizer

SAMPLES = 3
BARS = 10


@dataclass(frozen=True)
class Bar:
    """Number of training sequences with `low` to `high` tokens, both included."""

    low: int
    high: int
    sequences: int


@dataclass(frozen=True)
class Inspection:
    """The contents of `sweep inspect`."""

    objective: str
    summary: Summary
    lengths: tuple[Bar, ...]
    samples: tuple[Sample, ...]
    remarks: tuple[str, ...] = ()

    def json(self) -> dict[str, object]:
        """The inspection as plain values, for scripts. A text is a list of [stretch, trained]."""
        summary = self.summary
        return {
            "objective": self.objective,
            "format": summary.format,
            "files": [{**asdict(file), "used": file.used} for file in summary.files],
            "sets": {name: asdict(side) for name, side in summary.sets.items()},
            "labels": list(summary.labels),
            "target": summary.target,
            "max_length": summary.max_length,
            "duplicates": summary.duplicates,
            "truncated": summary.truncated,
            "notes": [*summary.notes, *self.remarks],
            "lengths": [asdict(bar) for bar in self.lengths],
            "samples": [{"label": each.label, "texts": _plain(each)} for each in self.samples],
        }


def inspect(spec: SweepSpec, home: SweepHome, progress: Progress = NO_PROGRESS) -> Inspection:
    """Prepare the sweep's data, or use the cached ones; DataError if unusable."""
    config = spec.trial
    if not config.learns.trains:
        raise SweepError(
            f"objective {config.objective} reads no data to inspect; launch the sweep instead"
        )
    with quiet():
        prepared = checked_inputs(spec, home.cache, trains=False, progress=progress)
        settled_spec = settled(spec, prepared.inputs)
        known = notes_on(settled_spec, prepared, extents(settled_spec, prepared.inputs))
        train = Examples(prepared.inputs.train)
        tokenizer = load_tokenizer(prepared.inputs.tokenizer_source)
        return Inspection(
            objective=config.objective,
            summary=prepared.summary,
            lengths=histogram(_lengths(train, config)),
            samples=_samples(train, config, tokenizer, prepared.inputs.labels),
            remarks=(*notes(spec), *known),
        )


def histogram(lengths: NDArray[np.int64], bars: int = BARS) -> tuple[Bar, ...]:
    """At most `bars` bars of equal width, from the shortest to the longest."""
    least, most = int(lengths.min()), int(lengths.max())
    width = -(-(most - least + 1) // bars)
    counts = np.bincount((lengths - least) // width).tolist()
    lows = range(least, most + 1, width)
    return tuple(
        Bar(low, min(low + width - 1, most), count) for low, count in zip(lows, counts, strict=True)
    )


def _lengths(examples: Examples, config: TrialConfig) -> NDArray[np.int64]:
    """Tokens of each sequence from the files; of KTO's two, only the first is from there."""
    kept = 1 if config.objective == "kto" else examples.arity
    sequences = (examples[place].sequences[:kept] for place in range(len(examples)))
    return np.array([len(each.tokens) for pair in sequences for each in pair], dtype=np.int64)


def _samples(
    examples: Examples, config: TrialConfig, tokenizer: Tokenizer, labels: tuple[str, ...]
) -> tuple[Sample, ...]:
    """Some examples, evenly spaced over the training set."""
    count = min(SAMPLES, len(examples))
    places = [len(examples) * number // count for number in range(count)]
    if config.learns.rolls_out:
        prompts = Prompts(examples.folder)
        return tuple(asked(prompts[place], tokenizer) for place in places)
    return tuple(sample(examples[p], tokenizer, config.objective, labels) for p in places)


def _plain(each: Sample) -> Mapping[str, list[list[str | bool]]]:
    return {name: [list(stretch) for stretch in text] for name, text in each.texts.items()}
