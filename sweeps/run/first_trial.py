"""The first trial of a sweep, or of one of its methods, and its mistakes in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from search_spaces.values import Value, show
from sweeps.base.errors import SweepError
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


def first_of(spec: SweepSpec, method: str) -> TrialConfig:
    """The first trial of a method, in one process."""
    params = first_params(spec, lambda found: method_in(spec, found) == method)
    return config_of(spec, params).model_copy(update={"deepspeed": None})


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
