"""The fields of nested settings by their dotted names. Light: pydantic only."""

from __future__ import annotations

from typing import get_args

from pydantic import BaseModel, Tag

from search_spaces.dotted import joined


def dotted_fields(model: type[BaseModel], prefix: str = "") -> list[str]:
    """The dotted names of all leaf fields, in the order of their declaration."""
    names: list[str] = []
    for name, field in model.model_fields.items():
        place = joined(prefix, name)
        inner = _model_in(field.annotation)
        names += dotted_fields(inner, place) if inner else [place]
    return names


def tagged(annotation: object, tag: str) -> type[BaseModel] | None:
    """The settings with a tag among the alternatives in an annotation."""
    marks = getattr(annotation, "__metadata__", ())
    if any(isinstance(mark, Tag) and mark.tag == tag for mark in marks):
        return _model_in(annotation)
    found = (tagged(inner, tag) for inner in get_args(annotation))
    return next(filter(None, found), None)


def _model_in(annotation: object) -> type[BaseModel] | None:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
