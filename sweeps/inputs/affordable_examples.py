"""The number of examples that `evaluation.examples: auto` stands for."""

from __future__ import annotations

from bisect import bisect_right

from sweeps.inputs.budgets import extents
from sweeps.inputs.evaluation_share import evaluation_share
from sweeps.planning.edited import with_examples
from sweeps.spec.spec import SweepSpec
from trainables.data.tokens.examples import Examples
from trainables.data.tokens.part import Wanted
from trainables.training.inputs import Inputs

LEAST = 100
"""Examples of text from which on early stopping decided as with the whole set in at least 95% of
cases, in each sweep that was measured (docs/benchmarks.md). One number of an example says much
less: some sweeps of classifiers and of preferences needed over 1,000."""


def settled(spec: SweepSpec, inputs: Inputs) -> SweepSpec:
    """The sweep with a number, or all, in place of auto: as many as keep evaluation within
    evaluation.time_share by tokens, but at least LEAST; all where texts are not what is learned.

    Known from the file and the data alone: a dry run and a launch take the same.
    """
    if spec.trial.evaluation.examples != "auto":
        return spec
    return with_examples(spec, _affordable(with_examples(spec, "all"), inputs))


def remark(given: SweepSpec, spec: SweepSpec) -> str:
    """What auto stands for, after it was settled; empty where a file has a number."""
    if given.trial.evaluation.examples != "auto":
        return ""
    examples = spec.trial.evaluation.examples
    shown = f"{examples:,}" if isinstance(examples, int) else examples
    return f"evaluation.examples: auto is {shown}"


def _affordable(spec: SweepSpec, inputs: Inputs) -> Wanted:
    share = evaluation_share(spec, inputs, extents(spec, inputs))
    if share is None or not spec.trial.learns.learns_text:
        return "all"
    sets = [Examples(folder) for folder in (inputs.validation, inputs.general) if folder]
    most = max(map(len, sets))

    def tokens(examples: int) -> float:
        return sum(min(examples, len(each)) * float(each.lengths.mean()) for each in sets)

    within = share.before_within(spec.trial.evaluation.time_share)
    wanted = max(LEAST, bisect_right(range(most), within, key=tokens) - 1)
    return wanted if tokens(most) > within and wanted < most else "all"
