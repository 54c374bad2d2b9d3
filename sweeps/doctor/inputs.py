"""A sweep's model with every choice, its tokenizer and its data, looked at as a launch does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from rich.filesize import decimal

from sweeps.base.errors import SweepError
from sweeps.base.quiet import quiet
from sweeps.builtin import PREFIX
from sweeps.caps.trained_tokens import refuse_below_one_trial
from sweeps.home.home import SweepHome
from sweeps.inputs.prepare import check_model_of, checked_inputs
from sweeps.preflight.finding import Finding, note, ok, wrong
from sweeps.spec.spec import SweepSpec
from trainables.config.trial import TrialConfig
from trainables.core.data_error import DataError
from trainables.core.errors import ModelError, RefusedError
from trainables.core.model_source import ModelSource
from trainables.core.progress import Progress
from trainables.data.files.origin import Kind, Origin
from trainables.data.sets.sources import file_names, origins_of
from trainables.data.tokens.tokenizer import load_tokenizer
from trainables.training.inputs import Prepared

_QUICK = 8 * 2**20
"""Bytes of data files that are prepared in seconds."""


def check_inputs(
    spec: SweepSpec, home: SweepHome, progress: Progress
) -> tuple[Prepared | None, list[Finding]]:
    """The inputs, prepared if that takes seconds, and the findings about them.

    What is prepared lies in the home's cache, where a launch finds it.
    """
    trial = spec.trial
    if not trial.learns.trains:
        return None, []
    if builtin := _builtin(trial):
        text = f"{builtin} is built by the launch, in half a minute, if it is not there"
        return None, [ok("model", text)]
    try:
        with progress.phase("looking at model and data"), quiet():
            return _checked(spec, trial, home, progress)
    except (ModelError, RefusedError) as error:
        return None, [wrong("model", str(error))]
    except DataError as error:
        return None, [wrong("data", str(error))]
    except SweepError as error:
        return None, [wrong("spec", str(error))]


def _checked(
    spec: SweepSpec, trial: TrialConfig, home: SweepHome, progress: Progress
) -> tuple[Prepared | None, list[Finding]]:
    pickled = _is_pickled(trial.model_source)
    named = check_model_of(spec, home.cache, not pickled, progress)
    choices = f", and every choice of the {len(spec.space)} searched fields suits it"
    found = [ok("model", f"{trial.model} is readable{choices if spec.space else ''}")]
    if pickled:
        found.append(note("model", "its weights are pickled; a launch converts them first"))
    origins = _origins(trial)
    if pickled or (size := _bytes(origins)) is None or size > _QUICK:
        load_tokenizer(named.model_source)
        return None, [*found, *_unread(origins)]
    prepared = checked_inputs(spec, home.cache, progress=progress)
    refuse_below_one_trial(spec, prepared.inputs)
    load_tokenizer(prepared.inputs.tokenizer_source)
    sides = prepared.summary.sets
    counts = ", ".join(f"{name} {side.sequences:,} sequences" for name, side in sides.items())
    notes = [note("data", remark) for remark in prepared.remarks]
    return prepared, [*found, ok("data", f"{counts} by the model's tokenizer"), *notes]


def _builtin(trial: TrialConfig) -> str | None:
    """The built-in model or data that the trial names."""
    files = file_names(trial.data).values() if trial.data else ()
    named = (trial.model, *chain.from_iterable(files))
    return next((name for name in named if name.startswith(PREFIX)), None)


def _origins(trial: TrialConfig) -> list[Origin]:
    """The files of all sets; DataError if one is not there."""
    assert trial.data is not None, "a trial that trains reads data"
    return [origin for names in file_names(trial.data).values() for origin in origins_of(names)]


def _bytes(origins: Sequence[Origin]) -> int | None:
    """Of all files; None if some of them are not on this machine."""
    if any(each.kind in (Kind.HUB, Kind.SAVED) for each in origins):
        return None
    return sum(each.path.stat().st_size for each in origins)


def _is_pickled(source: ModelSource) -> bool:
    """Whether a model in a folder has no weights but pickled ones."""
    folder = source.folder
    return (
        folder is not None and not any(folder.glob("*.safetensors")) and any(folder.glob("*.bin"))
    )


def _unread(origins: Sequence[Origin]) -> Iterator[Finding]:
    """Data that take longer to read than a check may: their first bytes."""
    for origin in origins:
        if origin.kind not in (Kind.HUB, Kind.SAVED):
            with origin.path.open("rb") as file:
                file.read(1)
    size = _bytes(origins)
    much = f"{decimal(size)} in {len(origins)} files" if size else f"{len(origins)} data sets"
    yield note("data", f"{much}: their rows are not read here", "`sweep inspect` reads them all")
