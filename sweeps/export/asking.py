"""A trial's model loaded to answer questions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from sweeps.base.errors import SweepError
from sweeps.base.quiet import quiet
from sweeps.home.home import SweepHome
from sweeps.home.launch_folder import where_it_was_launched
from sweeps.inputs.prepare import inputs_of
from sweeps.models.choice import chosen, config_of, picked, refuse_without_base
from sweeps.spec.spec import SweepSpec
from sweeps.verdict.trained import trains
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.core.progress_bars import no_progress_bars

if TYPE_CHECKING:
    from trainables.training.generation.answering import Answering


@contextmanager
def asking(
    name: str, home: SweepHome, number: int | None = None, progress: Progress = NO_PROGRESS
) -> Iterator[Answering]:
    """The trial of that number, by default the winner, ready to answer.

    SweepError, DataError, ModelError or RefusedError name what is in the way.
    """
    folder = home.existing(name)
    results, record = picked(folder, number)
    sweep = results.sweep
    weights = chosen(folder, number).weights if trains(record) else None
    with where_it_was_launched(sweep), no_progress_bars():
        spec = SweepSpec.load(folder.spec)
        config = config_of(spec, record)
        if not config.learns.writes_answers:
            raise SweepError(
                f"sweep {name!r} has objective {config.objective}, whose models answer no "
                "questions; `sweep export` writes its model for other uses"
            )
        refuse_without_base(spec, sweep)
        with ExitStack() as held:
            with quiet(), progress.phase("loading the model"):
                from trainables.training.generation.answering import answering
                from trainables.training.workshop import Workshop

                inputs = inputs_of(spec.trial, home.cache, progress=progress).inputs
                workshop = Workshop(inputs, progress=progress)
                ready = held.enter_context(answering(workshop, config, weights))
            yield ready
