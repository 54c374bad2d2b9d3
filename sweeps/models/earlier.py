"""The winners of earlier sweeps as models of another one: checked at once, merged when needed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from results.records.record import SweepRecord, SweepState
from results.records.record_error import RecordError
from search_spaces.problem import Problem
from sweeps.base.errors import SweepError
from sweeps.home.earlier_sweeps import earlier_sweeps
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.home.launch_folder import where_it_was_launched
from sweeps.models.choice import Chosen, chosen, config_of, refuse_without_base
from sweeps.models.content import Form, write_model
from sweeps.spec.spec import SpecError, SweepSpec
from trainables.config.trial import TrialConfig
from trainables.core.atomic import publish
from trainables.core.model_source import ModelSource
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.objectives.reward import REWARD


@dataclass(frozen=True)
class Winner:
    """The winner of an earlier sweep, for use as a model."""

    spec: SweepSpec
    trial: Chosen
    config: TrialConfig

    @property
    def form(self) -> Form:
        """Whole: as the trial kept it, or its adapter merged into the base in its precision."""
        if self.config.tunes.trains_base:
            return Form(whole=True, merges=False)
        return Form(whole=True, merges=True, dtype=self.config.precision)

    def __str__(self) -> str:
        """What stands on record."""
        record, sweep = self.trial.record, self.trial.sweep
        seeds = " confirmed with fresh seeds," if record.confirms is not None else ""
        how = f"merged into {self.config.model}" if self.form.merges else "its whole weights"
        value = self.trial.measured.metrics[sweep.metric]
        return (
            f"trial {record.trial} of sweep {sweep.name},{seeds} {sweep.metric} {value:.4g}, {how}"
        )


@dataclass(frozen=True)
class _Ground:
    """What an earlier trial's method was attached to, without its data."""

    model: ModelSource
    labels: tuple[str, ...]
    new_tokens: tuple[int, ...]
    tokenizer_source: ModelSource


def winners(trial: TrialConfig, home: SweepHome) -> dict[str, Winner]:
    """The earlier winners that a trial names, by its fields.

    SpecError with all that is missing. Quick: reads records only.
    """
    found, problems = {}, []
    for field, name in earlier_sweeps(trial).items():
        try:
            found[field] = _winner(home, name, rates=field != "model")
        except (SweepError, RecordError) as error:
            problems.append(Problem(field, str(error)))
    if problems:
        raise SpecError("models of earlier sweeps", problems)
    return found


def with_winners(
    config: TrialConfig, home: SweepHome, progress: Progress = NO_PROGRESS
) -> tuple[TrialConfig, dict[str, str]]:
    """The configuration with the folders of earlier winners in place of their names, made if they
    are missing; and what they are, by field."""
    found = winners(config, home)
    if not found:
        return config, {}
    folders = {field: str(_folder(winner, home, progress)) for field, winner in found.items()}
    return config.with_params(folders), {field: str(winner) for field, winner in found.items()}


def _winner(home: SweepHome, name: str, rates: bool) -> Winner:
    folder = home.sweep(name)
    if not folder.books.exists():
        known = ", ".join(each.path.name for each in home.sweeps())
        there = f"sweeps there: {known}" if known else "there are none yet"
        raise SweepError(f"no sweep {name!r} has been launched in {home.path}; launch it ({there})")
    sweep = folder.sweep_record()
    _refuse_unended(folder, sweep, home)
    with where_it_was_launched(sweep):
        spec = SweepSpec.load(folder.spec)
        _refuse_other_kind(spec, name, rates)
        trial = chosen(folder)
        config = config_of(spec, trial.record)
        if not config.tunes.trains_base:
            if config.tunes.unmergeable:
                raise SweepError(
                    f"the winner of sweep {name!r} is of method {config.method}, which cannot be "
                    f"merged: {config.tunes.unmergeable}; search with lora, full or another method "
                    "that can"
                )
            refuse_without_base(spec, sweep)
    return Winner(spec, trial, config)


def _refuse_unended(folder: SweepFolder, sweep: SweepRecord, home: SweepHome) -> None:
    if sweep.state is SweepState.COMPLETE:
        return
    trials = folder.trials()
    done, total = sum(each.status.ended for each in trials), sweep.expected(trials)
    so_far = f"{done} of {total} trials" if total is not None else f"{done} trials"
    way_out = f"`sweep resume {sweep.name}{home.way()}` goes on with it"
    if sweep.state is SweepState.RUNNING:
        way_out = "wait for its end"
    raise SweepError(
        f"sweep {sweep.name!r} has not ended: it is {sweep.state.value}, with {so_far} done; "
        f"{way_out}"
    )


def _refuse_other_kind(spec: SweepSpec, name: str, rates: bool) -> None:
    objective = spec.trial.learns
    if not objective.trains:
        raise SweepError(f"sweep {name!r} has objective {objective.name}, which trains no model")
    if rates and objective != REWARD:
        raise SweepError(
            f"sweep {name!r} has objective {objective.name}, whose models rate no texts; name one "
            f"with objective {REWARD.name}"
        )
    if not rates and objective.has_head:
        raise SweepError(
            f"sweep {name!r} has objective {objective.name}, whose models have a head in place of "
            "the vocabulary; name a sweep whose models write"
        )


def _folder(winner: Winner, home: SweepHome, progress: Progress) -> Path:
    """The winner's whole model, in the cache."""
    made = home.cache / "winners" / f"{winner.trial.sweep.name}-{_key(winner)}"
    if not made.is_dir():
        with where_it_was_launched(winner.trial.sweep):
            ground = _ground(winner, home, progress)
            publish(made, lambda empty: _write(empty, winner, ground, progress))
    return made


def _key(winner: Winner) -> str:
    """A digest of what the model is made of: a trial's kept weights never change."""
    record, sweep = winner.trial.record, winner.trial.sweep
    parts = (sweep.created, record.trial, record.number, record.confirms, winner.form)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _write(empty: Path, winner: Winner, ground: _Ground, progress: Progress) -> None:
    from trainables.core.progress_bars import no_progress_bars

    with no_progress_bars():
        write_model(
            empty,
            winner.form,
            winner.config,
            ground,
            winner.trial.weights,
            ground.model.name,
            progress,
        )


def _ground(winner: Winner, home: SweepHome, progress: Progress) -> _Ground:
    from trainables.data.tokens.tokenizer import load_tokenizer

    config = winner.config
    model = config.model_source
    if winner.form.merges:
        model = _base(winner, home, progress)
    tokenizer = ModelSource(str(winner.trial.weights), None, config.trust_remote_code)
    added = config.data.new_tokens if config.data else ()
    ids = load_tokenizer(tokenizer).convert_tokens_to_ids(list(added)) if added else []
    labels = (REWARD.name,) if config.learns.has_head else ()
    return _Ground(model, labels, tuple(ids), tokenizer)


def _base(winner: Winner, home: SweepHome, progress: Progress) -> ModelSource:
    """The base of an earlier trial, which may be the winner of a still earlier sweep.

    SweepError if it has changed since.
    """
    from sweeps.builtin.model import resolve
    from trainables.models.model_folder import check_model
    from trainables.models.ready import made_ready
    from trainables.training.inputs import model_fingerprint

    named, _ = with_winners(winner.config, home, progress)
    source = resolve(named, home.cache.resolve(), progress).model_source
    if source.folder is not None:
        source = replace(source, name=str(source.folder.resolve()))
    ready, _ = made_ready(source, home.cache.resolve() / "models", True, progress)
    check_model(ready, passed=home.cache.resolve() / "checked")
    known, now = winner.trial.sweep.provenance, model_fingerprint(ready)
    if known is not None and known.model_fingerprint.partition("+")[0] != now:
        raise SweepError(
            f"the base model of sweep {winner.trial.sweep.name!r}, {winner.config.model}, has "
            f"changed since its launch (fingerprint {known.model_fingerprint}, now {now}); put the "
            "original back"
        )
    return ready
