"""A sweep's budget in optimizer steps and evaluation points, for each batch size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from search_spaces.values import show
from sweeps.base.errors import SweepError
from sweeps.spec.generation import methods_of
from sweeps.spec.reach import Point, reachable
from sweeps.spec.spec import SweepSpec
from trainables.config.trial import TrialConfig
from trainables.data.sets.training_set import Learned, training_set
from trainables.data.tokens.examples import Examples
from trainables.training.inputs import Inputs
from trainables.training.plan import Stream, batch_sizes, points_of

_RAMP = ("micro_batch_size", "batch_ramp.start_fraction", "batch_ramp.fraction")

_MOST = 1.1
"""Maximum training as a multiple of the budget; only large single steps exceed it."""

_NAMED = 4
"""Maximum number of combinations of values named in a line."""


@dataclass(frozen=True)
class Extent:
    """The budget of the trials with these values of searched fields.

    `asked` and `trained` are tokens if the budget is in tokens, else training examples.
    """

    params: Point
    steps: int
    points: int
    asked: int
    trained: int


def extents(spec: SweepSpec, inputs: Inputs) -> list[Extent]:
    """The extent of each combination of searched values, the most steps first.

    SweepError if no trial can have such a budget.
    """
    learned = training_set(
        spec.trial, Examples(inputs.train), Examples(inputs.mix) if inputs.mix else None
    )
    refused: list[ValueError] = []
    found = sorted(_found(spec, learned, refused), key=lambda extent: -extent.steps)
    if not found:
        raise SweepError(f"this sweep has no valid trial: {refused[0]}")
    return found


def description(spec: SweepSpec, found: Sequence[Extent]) -> str:
    """The steps and evaluation points of a trial, in one line."""
    kinds, between = _by(found, lambda extent: extent.steps), ", "
    named = kinds if len(kinds) <= _NAMED else [kinds[0], kinds[-1]]
    if len(named) < len(kinds):
        between = " to "
    steps = between.join(
        _counted(kind[0].steps, "step") + (_with(kind) if len(kinds) > 1 else "") for kind in named
    )
    points = sorted({extent.points for extent in found})
    measured = " to ".join(f"{count:,}" for count in dict.fromkeys((points[0], points[-1])))
    times = "once" if measured == "1" else f"{measured} times"
    untrained = [each.name for each in methods_of(spec.trial, spec.space) if not each.trains]
    if len(untrained) == len(methods_of(spec.trial, spec.space)):
        return f"No trial trains (method {' or '.join(untrained)}); each is evaluated once"
    but = f"; with method {' or '.join(untrained)} nothing, evaluated once" if untrained else ""
    return f"Each trial trains {steps} ({_budget(spec)}) and is evaluated {times}{but}"


def remarks(spec: SweepSpec, found: Sequence[Extent]) -> list[str]:
    """Notes on budgets that cannot be kept, with the values responsible.

    A budget in steps needs no data to be judged; see spec_notes.py.
    """
    if spec.trial.budget.steps is not None:
        return []
    return [*_fewer_points(spec, found), *_larger_budget(spec, found)]


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _fewer_points(spec: SweepSpec, found: Sequence[Extent]) -> Iterator[str]:
    evaluations = spec.trial.budget.evaluations
    few = [extent for extent in found if extent.points < evaluations]
    if few:
        yield (
            f"budget.evaluations {evaluations} exceeds the steps of a trial, the maximum number of "
            f"evaluations: {_each(few, lambda extent: f'{extent.steps:,}')}; raise the budget, "
            "or lower batch_size or budget.evaluations."
        )


def _larger_budget(spec: SweepSpec, found: Sequence[Extent]) -> Iterator[str]:
    much = [extent for extent in found if extent.trained > _MOST * extent.asked]
    if much:
        by_tokens = spec.trial.budget.tokens is not None
        unit = "tokens" if by_tokens else "examples"
        asked = "" if by_tokens else f" ({much[0].asked:,} {unit})"
        whole = _each(
            much, lambda each: f"{_counted(each.steps, 'step')} ({each.trained:,} {unit})"
        )
        yield (
            f"{_budget(spec)}{asked} is rounded up to whole batches: {whole}; raise the budget, or "
            "lower batch_size."
        )


def _found(spec: SweepSpec, learned: Learned, refused: list[ValueError]) -> Iterator[Extent]:
    """Extents of the combinations that can be planned; `refused` gets the errors of the others."""
    lengths, replayed = learned.lengths
    streams: dict[float, tuple[Stream, int | None]] = {}
    for params in reachable(spec.space, _names(spec)):
        try:
            config = spec.trial.with_params(params)
            mix = config.data.mix if config.data else None
            proportion = mix.proportion if mix else 0.0
            if proportion not in streams:
                stream = Stream(config, lengths, replayed)
                streams[proportion] = stream, stream.wanted(config.budget)
            yield _extent(config, params, *streams[proportion], spec.slots.workers)
        except ValueError as error:  # pydantic's errors are ValueErrors, too
            refused.append(error)


def _extent(
    config: TrialConfig, params: Point, stream: Stream, wanted: int | None, workers: int
) -> Extent:
    sizes = batch_sizes(config, wanted, workers)
    # A prompt counts once, however often it is answered and its answers are trained on.
    times = config.learns.group_size(config) * config.learns.passes(config)
    trained, asked = int(sizes.sum()) // times, wanted
    if config.budget.tokens is not None:
        trained, asked = stream.tokens(trained), config.budget.tokens
    points = points_of(config.budget, sizes)
    return Extent(params, len(sizes), len(points), trained if asked is None else asked, trained)


def _names(spec: SweepSpec) -> list[str]:
    """Searched fields that affect the number of steps."""
    ramped = "batch_ramp.start_fraction" in spec.space or spec.trial.batch_ramp.start_fraction < 1
    mixed = spec.trial.budget.tokens is not None
    names = ["batch_size", *(_RAMP if ramped else ()), *(["data.mix.proportion"] if mixed else ())]
    names += ["rl.epochs"]
    return [name for name in names if name in spec.space]


def _budget(spec: SweepSpec) -> str:
    budget = spec.trial.budget
    measures = {"steps": budget.steps, "tokens": budget.tokens, "epochs": budget.epochs}
    name, value = next((name, value) for name, value in measures.items() if value is not None)
    return f"budget.{name} {value:,}" if isinstance(value, int) else f"budget.{name} {value:g}"


def _each(found: Sequence[Extent], value: Callable[[Extent], str]) -> str:
    """`4 with batch_size 32, 2 with batch_size 64`, the largest batches last."""
    kinds = _by(found, value)
    named = [f"{value(kind[0])}{_with(kind)}" for kind in kinds[-_NAMED:]]
    more = len(kinds) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _by(found: Sequence[Extent], value: Callable[[Extent], object]) -> list[list[Extent]]:
    kinds: dict[object, list[Extent]] = {}
    for extent in found:
        kinds.setdefault(value(extent), []).append(extent)
    return list(kinds.values())


def _with(kind: Sequence[Extent]) -> str:
    """` with batch_size 8 or 9`; of many, the first and how many others."""
    named = [" and ".join(f"{name} {show(v)}" for name, v in e.params.items()) for e in kind]
    if not named[0]:
        return ""
    if len(named) > _NAMED:
        return f" with {named[0]} or {len(named) - 1} others"
    if len(kind[0].params) == 1:  # the name once
        named[1:] = [show(value) for extent in kind[1:] for value in extent.params.values()]
    return f" with {' or '.join(named)}"
