"""Requests for trials of a sweep, checked before they are queued."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from results.records.record import SweepState, TrialRecord
from results.records.request import TrialRequest
from search_spaces.dotted import unset
from search_spaces.notation import read_value
from search_spaces.problem import Problem
from search_spaces.space import Space
from search_spaces.values import as_option, show
from sweeps.base.errors import SweepError
from sweeps.home.home import SweepFolder
from sweeps.home.launch_folder import where_it_was_launched
from sweeps.spec.fields import changed
from sweeps.spec.spec import SpecError, SweepSpec
from sweeps.spec.validation import explain
from sweeps.spec.yaml_file import parse_yaml
from trainables.config.trial import TrialConfig

_OF_METRICS = ("metric", "mode", "metrics")
"""The settings of a search that matter for a single point."""


def add(folder: SweepFolder, assignments: Sequence[str]) -> TrialRequest:
    """Ask for a trial with these values; SweepError if the sweep cannot train it."""
    given = _values(assignments)
    if not given:
        raise SweepError(
            "name at least one value, e.g. learning_rate=1e-4; for one more trial of the "
            f"sampler's choice, run `{folder.command('resume')} --set budget.trials=+1` "
            "after the sweep has ended"
        )
    return _queued(folder, TrialRequest(kind="add", made=time.time(), params=given))


def clone(folder: SweepFolder, number: int, assignments: Sequence[str]) -> TrialRequest:
    """Ask for a trial with the values of another one, but for those given.

    Values that do not exist beside these are left to the sampler.
    """
    source, given = _trial(folder, number), _values(assignments)
    params = {name: as_option(value) for name, value in source.params.items()}
    params = _kept(_spec(folder).space, params, given)
    request = TrialRequest(kind="add", made=time.time(), params=params, cloned_from=number)
    return _queued(folder, request)


def stop(folder: SweepFolder, number: int) -> TrialRequest:
    """Ask for the end of a trial; SweepError if it has ended."""
    trial = _trial(folder, number)
    if trial.status.ended:
        raise SweepError(f"trial {number} of {folder.path.name} has ended: it is {trial.status}")
    request = TrialRequest(kind="stop", made=time.time(), number=number)
    folder.requests.add(request)
    return request


def waits_for_resume(folder: SweepFolder) -> SweepState | None:
    """The state of a sweep that must be resumed to hear of a request; None while it runs."""
    state = folder.sweep_record().state
    return None if state is SweepState.RUNNING else state


def _queued(folder: SweepFolder, request: TrialRequest) -> TrialRequest:
    params = _checked(_spec(folder), request.params)
    request = request.with_changes(params=params)
    folder.requests.add(request)
    return request


def _values(assignments: Sequence[str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise SweepError(f"{text!r}: write NAME=VALUE, e.g. learning_rate=1e-4")
        if name in values:
            raise SweepError(f"{name} is given twice; keep one of them")
        values[name] = read_value(parse_yaml(value, name))
    return values


def _trial(folder: SweepFolder, number: int) -> TrialRecord:
    trials = {trial.number: trial for trial in folder.trials()}
    if number in trials:
        return trials[number]
    known = f"its trials are 0 to {max(trials)}" if trials else "it has none yet"
    raise SweepError(f"{folder.path.name} has no trial {number}; {known}")


def _spec(folder: SweepFolder) -> SweepSpec:
    with where_it_was_launched(folder.store.sweep()):
        return SweepSpec.load(folder.spec, name=folder.path.name, elsewhere=True)


def _kept(
    space: Space, source: Mapping[str, object], given: Mapping[str, object]
) -> dict[str, object]:
    """The values of a clone: of its source, those that the given ones leave as possible as they
    were."""
    kept: dict[str, object] = dict(given)
    for name in (*space.parents_first, *source):
        if name in kept or name not in source:
            continue
        if _fits(space, {**kept, name: source[name]}, name) or not _fits(space, source, name):
            kept[name] = source[name]
    return kept


def _fits(space: Space, params: Mapping[str, object], name: str) -> bool:
    return all(problem.place != name for problem in space.explain(params, partial=True))


def _checked(spec: SweepSpec, given: Mapping[str, object]) -> dict[str, object]:
    """The values in the spelling of the space, if they are in it. Others are allowed if the whole
    sweep could be launched with them."""
    params = {name: as_option(value) for name, value in given.items()}
    problems = spec.space.explain(params, partial=True)
    standings = spec.space.standings(params)
    absent = [
        problem
        for problem in problems
        if problem.place in standings and not standings[problem.place].branches
    ]
    if absent:
        raise _refusal(absent)
    if problems:
        _check_alone(spec, params)
    _check_config(spec, params)
    return params if problems else dict(spec.space.parse_point(params, partial=True))


def _check_alone(spec: SweepSpec, params: Mapping[str, object]) -> None:
    """Check a spec whose space is this one point."""
    tree: dict[str, object] = dict(spec.tree)
    for name in params:
        tree = unset(tree, name)
    search = spec.tree.get("search")
    known = search if isinstance(search, Mapping) else {}
    tree["search"] = {name: known[name] for name in _OF_METRICS if name in known}
    tree["space"] = {name: {"choice": [value]} for name, value in params.items()}
    try:
        SweepSpec.parse(changed(tree, "budget.trials", 1), elsewhere=True)
    except SpecError as error:
        raise _refusal(error.problems) from None


def _check_config(spec: SweepSpec, params: Mapping[str, object]) -> None:
    """Values that exclude each other; those that a sampler is to add may still mend it."""
    if not spec.space.contains(params) and not spec.space.explain(params, partial=True):
        return
    try:
        spec.trial.with_params(params)
    except ValidationError as error:
        raise _refusal(explain(error, TrialConfig, "")) from None


def _refusal(problems: Sequence[Problem]) -> SweepError:
    lines = [str(problem).removeprefix("space.") for problem in problems]
    return SweepError("\n  ".join(lines))


def described(request: TrialRequest) -> str:
    """`trial 3 is to stop`, `a clone of trial 3 with learning_rate 1e-4`."""
    if request.kind == "stop":
        return f"trial {request.number} is to stop"
    values = ", ".join(f"{name} {show(value)}" for name, value in request.params.items())
    what = "a trial" if request.cloned_from is None else f"a clone of trial {request.cloned_from}"
    return f"{what} with {values}"
