"""Pydantic's validation errors as problems, and the parts that are still valid."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from search_spaces.dotted import joined, without
from search_spaces.problem import Problem, UnplacedError, did_you_mean
from search_spaces.values import quoted
from sweeps.spec.misplaced import instead_of, to_search
from trainables.core.model_fields import dotted_fields, tagged

Model = TypeVar("Model", bound=BaseModel)

_ALTERNATIVES = ("str", "int", "float", "bool")
"""Pydantic's names of a union's alternatives; no field has such a name."""

_SHOULD_BE = ": input should be "
UNKNOWN, _MISSING, _MEANT = "is not a known field", "is missing", "did you mean "

_FIELD = re.compile(r"([a-z]\w*(?:\.[a-z]\w*)*):? +(.+)", re.DOTALL)
"""A message of a check of several fields, which names the one concerned first."""

_KINDS_OF_NAMES = ("sweep", "builtin")
"""What stands before the colon in the name of a model."""

_SWEEPS_OWN = {
    "budget": (
        *("trials", "hours", "gpu_hours", "cost", "trained_tokens"),
        *("target", "patience", "at_cap"),
    )
}
"""Fields of a trial's section that the sweep itself reads."""


def explain(error: ValidationError, model: type[BaseModel], prefix: str) -> list[Problem]:
    """The errors as problems: dotted place, message with the value, way out."""
    problems = [_problem(detail, model, prefix) for detail in error.errors(include_url=False)]
    problems = _without_meant(problems)
    # The intended alternative of a union has the deepest error.
    deepest = [p for p in problems if not any(q.place.startswith(f"{p.place}.") for q in problems)]
    places = dict.fromkeys(problem.place for problem in deepest)
    return [each for place in places for each in _as_one([p for p in deepest if p.place == place])]


def without_mistakes(tree: object, error: ValidationError) -> object:
    """`tree` without the fields that pydantic rejected."""
    if not isinstance(tree, Mapping):
        return tree
    for detail in error.errors(include_url=False):
        path = [part for part in detail["loc"] if _is_field(part)]
        tree = without(tree, path) if path else tree
    return tree


def leniently(model: type[Model], tree: object) -> Model | None:
    """The model without the checks between its fields; None if even that fails.

    Only for finding further problems of an invalid tree.
    """
    try:
        return model.model_validate(tree)
    except ValidationError:
        if not isinstance(tree, Mapping):
            return None
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if field.is_required() and name not in tree:
            return None
        try:
            if name in tree:
                kind = TypeAdapter[object](field.rebuild_annotation())
                values[name] = kind.validate_python(tree[name])
        except ValidationError:
            return None
    return model.model_construct(**values)


def _without_meant(problems: Sequence[Problem]) -> list[Problem]:
    """Without missing fields that are there under a misspelt name, which another problem says."""
    meant = {
        joined(problem.place.rpartition(".")[0], problem.remedy[len(_MEANT) : -1])
        for problem in problems
        if problem.message == UNKNOWN and problem.remedy.startswith(_MEANT)
    }
    return [each for each in problems if each.message != _MISSING or each.place not in meant]


def _as_one(same: Sequence[Problem]) -> Sequence[Problem]:
    """One problem for all alternatives of a union; other problems of the value take precedence."""
    wishes = [problem for problem in same if _SHOULD_BE in problem.message]
    others = [problem for problem in same if problem not in wishes]
    if others or len(wishes) == 1:
        return others or wishes
    value = wishes[0].message.split(_SHOULD_BE)[0]
    wanted = dict.fromkeys(problem.message.split(_SHOULD_BE)[-1] for problem in wishes)
    remedies = dict.fromkeys(problem.remedy for problem in wishes if problem.remedy)
    message = f"{value}{_SHOULD_BE}{', or '.join(wanted)}"
    return [Problem(same[0].place, message, ", or ".join(remedies))]


def _problem(detail: ErrorDetails, model: type[BaseModel], prefix: str) -> Problem:
    # The location also names the alternatives of a union, which the user did not write.
    parts = [str(part) for part in detail["loc"] if _is_field(part)]
    place = joined(prefix, *parts) or "spec"
    if detail["type"] == "extra_forbidden":
        *above, unknown = detail["loc"]
        parents = [str(part) for part in above if _is_field(part)]
        place = joined(prefix, *parents, str(unknown) or "''")
        suggest = did_you_mean if parents else instead_of
        return Problem(place, UNKNOWN, suggest(str(unknown), _fields_at(model, above)))
    if detail["type"] == "missing":
        return Problem(place, _MISSING, "add it")
    given = quoted(detail["input"])
    if detail["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return Problem(place, f"{given} is not a mapping of fields", "write FIELD: VALUE")
    if detail["type"] == "string_type" and (split := _split_name(detail["input"])):
        return Problem(place, *split)
    if detail["type"] == "tuple_type":
        return Problem(place, f"{given}{_SHOULD_BE}a list", "write [VALUE, ...]")
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error":
        error = detail["ctx"]["error"]
        if isinstance(error, UnplacedError):
            return error.at(place)
        named = None if parts or prefix else _FIELD.fullmatch(message)
        if named and named[1].partition(".")[0] in model.model_fields:
            return Problem(named[1], named[2])
        return Problem(place, message)
    remedy = to_search(place, detail["input"])
    return Problem(place, f"{given}: {message[0].lower()}{message[1:]}", remedy)


def _split_name(given: object) -> tuple[str, str] | None:
    """What is wrong with `sweep:` and `sweep: NAME`, which YAML reads as fields; the way out."""
    if not isinstance(given, Mapping) or len(given) != 1:
        return None
    ((kind, name),) = given.items()
    if kind not in _KINDS_OF_NAMES:
        return None
    if name is None:
        return f"{kind}: has no name behind it", f"write {kind}:NAME"
    return f"{kind}: {name} is a field with a value", f"write {kind}:{name}, without a space"


def _alternative(model: type[BaseModel], name: str, tag: int | str) -> type[BaseModel] | None:
    """The settings with that tag among those that a field holds."""
    field = model.model_fields.get(name)
    return tagged(field.annotation, str(tag)) if field else None


def _is_field(part: int | str) -> bool:
    if isinstance(part, int):
        return True
    return part not in _ALTERNATIVES and re.fullmatch(r"[a-z_0-9.]+", part) is not None


def _fields_at(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """The field names of the section at a location of pydantic's."""
    for place, part in enumerate(location):
        inner = _alternative(model, str(location[0]), part)
        if inner:
            return _fields_at(inner, location[place + 1 :])
    path = [str(part) for part in location if _is_field(part)]
    section = "".join(f"{part}." for part in path)
    inside = (
        name.removeprefix(section) for name in dotted_fields(model) if name.startswith(section)
    )
    names = dict.fromkeys(name.partition(".")[0] for name in inside)
    return [*names, *_SWEEPS_OWN.get(".".join(path), ())]
