"""Generated answers on disk: samples to read, and each answer's values for paired comparisons."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from trainables.data.tokens.prompts import MOST_SAMPLES, has_text
from trainables.metrics.written import Written

SAMPLES = "samples.jsonl"
"""Answers to be read, one a line, with prompt, reference and values."""

VALUES = "values.npz"
"""All answers' values of the metrics that are means, with the prompts' numbers."""


def write_answers(written: Written, folder: Path) -> None:
    """Write the answers; the folder appears whole or not at all."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    np.savez(partial / VALUES, **written.arrays())  # type: ignore[arg-type]
    lines = [_line(written, place) for place in _kept(written)]
    (partial / SAMPLES).write_text("".join(lines), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def _kept(written: Written) -> list[int]:
    """The places of the samples among the answers: those with a wanted text, or the first."""
    everything = [*range(len(written.answers))]
    wanted = [n for n in everything if has_text(written.answers[n].question, written.samples)]
    return (wanted or everything)[:MOST_SAMPLES]


def _line(written: Written, place: int) -> str:
    answer = written.answers[place]
    sample = {
        "prompt_number": answer.prompt,
        "prompt": answer.question,
        "answer": answer.text,
        "reference": answer.references[0] if answer.references else "",
        "references": answer.references,
        "tokens": answer.tokens,
        "ended": answer.ended,
        "values": {name: float(values[place]) for name, values in written.each.items()},
    }
    return json.dumps(sample, ensure_ascii=False) + "\n"
