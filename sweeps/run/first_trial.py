"""The first trial of a sweep, or of one of its methods, and its mistakes in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from search_spaces.values import Value, show
from sweeps.base.errors import SweepError
from sweeps.planning.edits import CHECKPOINTING
from sweeps.run.fitting import Fitted
from sweeps.search.options import first_params
from sweeps.spec.spec import SweepSpec
from trainables.config.combinations import machine_refusals
from trainables.config.trial import TrialConfig
from trainables.core.data_error import DataError, said
from trainables.core.errors import ModelError, RefusedError
from trainables.methods.none import NONE


def config_of(spec: SweepSpec, params: dict[str, Value]) -> TrialConfig:
    """The trial with these parameters; SweepError if they do not go together."""
    try:
        return spec.trial.with_params(params)
    except ValidationError as error:
        why = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise SweepError(f"the sweep's first trial ({shown(params)}) is invalid: {why}") from error


def method_in(spec: SweepSpec, params: dict[str, Value]) -> str:
    """The method of a trial with these parameters."""
    return str(params.get("method", spec.trial.method))


First = tuple[dict[str, Value], TrialConfig]
"""A trial's parameters, those that its edit gives it among them, and the trial in one process."""


def first_that(fitted: Fitted, suits: Callable[[str], bool]) -> First:
    """The first trial whose method `suits`, as it will run; SweepError if none fits."""
    spec, edits = fitted.spec, fitted.edits

    def fits(params: dict[str, Value]) -> bool:
        if not suits(method_in(spec, params)):
            return False
        try:
            return edits.given(params, spec.trial.with_params(params)) is not None
        except ValueError:
            return True  # told by what follows

    params = first_params(spec, fits)
    config = config_of(spec, params)
    edit = edits.of(params, config)
    if edit is None:
        return params, config.model_copy(update={"deepspeed": None})
    if not edit.changes:
        raise SweepError(
            f"none of the sweep's first trials fits the GPU; the last one tried ({shown(params)}) "
            f"{edit.why}; use a larger GPU, or search.first_points that fit"
        )
    given = config.with_params(edit.changes).model_copy(update={"deepspeed": None})
    changed = {
        name: bool(value) if name == CHECKPOINTING else value
        for name, value in edit.changes.items()
    }
    return {**params, **changed}, given


def first_of(fitted: Fitted, method: str) -> First:
    """The first trial of a method."""
    return first_that(fitted, lambda found: found == method)


def untouched(trial: TrialConfig) -> TrialConfig:
    """The trial by which the base is measured: with prompts as they are."""
    return trial.with_params({"method": NONE.name}) if trial.tunes.lookup(trial) else trial


def refuse_here(config: TrialConfig) -> None:
    """SweepError if workers like this machine would refuse the trial."""
    import torch

    for each in machine_refusals(config, torch.cuda.is_available()):
        raise SweepError(str(each))


def shown(params: dict[str, Value]) -> str:
    """The parameters in a message."""
    return ", ".join(f"{name} {show(value)}" for name, value in params.items())


@contextmanager
def failures_told(params: dict[str, Value]) -> Iterator[None]:
    """Turn the first trial's errors into one message."""
    try:
        yield
    except (DataError, ModelError, RefusedError):
        raise  # their messages suffice
    except (RuntimeError, MemoryError, ValueError) as error:
        raise SweepError(
            f"the sweep's first trial ({shown(params)}) fails: {said(error)}; change the value "
            "in question, or lower micro_batch_size if memory ran out"
        ) from error
