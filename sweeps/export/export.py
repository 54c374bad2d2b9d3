"""A trial's model written to a folder, loaded by other means and measured again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from results.export.card import card
from results.export.exported import Base, Exported
from results.export.modelfile import modelfile, refusal
from results.export.script import reproduce_script, requirements
from results.ranking.certainty import LossesError, load_sequence_losses, standard_error
from search_spaces.dotted import leaves
from sweeps.base.errors import SweepError
from sweeps.base.quiet import quiet
from sweeps.export.agreement import refuse_to_differ
from sweeps.export.destination import refuse_if_full, refuse_if_taken, written
from sweeps.export.fresh_process import Request, measured_afresh
from sweeps.export.gguf_file import FILE as GGUF
from sweeps.export.gguf_file import refuse_gguf, write_gguf
from sweeps.export.license import license_of
from sweeps.export.loading import loading_code
from sweeps.export.reproduction import as_yaml, one_trial
from sweeps.export.wish import Wish
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.home.launch_folder import where_it_was_launched
from sweeps.inputs.prepare import inputs_of
from sweeps.models.choice import Chosen, chosen, config_of, refuse_without_base
from sweeps.models.content import Form, write_model
from sweeps.spec.spec import SweepSpec
from sweeps.verdict.conclusion import conclusion
from sweeps.verdict.confirmed import folder_of
from trainables.board.job import LOSSES
from trainables.config.trial import TrialConfig
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.core.progress_bars import no_progress_bars
from trainables.data.sets.sources import file_names
from trainables.training.inputs import Prepared

CARD, TRIAL = "README.md", "trial.yaml"


@dataclass(frozen=True)
class Done:
    """An export in its folder; `notes` are what its user should know."""

    folder: Path
    model: Exported
    notes: tuple[str, ...]


def export(name: str, home: SweepHome, wish: Wish, progress: Progress = NO_PROGRESS) -> Done:
    """Write the trial's model to `wish.to`; the folder is whole and checked, or absent.

    SweepError, DataError, ModelError or RefusedError name what is in the way.
    """
    wish = replace(wish, to=wish.to.expanduser().absolute())
    refuse_if_taken(wish.to)
    folder = home.existing(name)
    with folder.held():  # no resume may replace the weights meanwhile
        trial = chosen(folder, wish.trial)
        with where_it_was_launched(trial.sweep), quiet(), no_progress_bars():
            return _Export(folder, home, wish, trial, progress).run()


class _Export:
    """One export in progress."""

    def __init__(
        self,
        folder: SweepFolder,
        home: SweepHome,
        wish: Wish,
        trial: Chosen,
        progress: Progress,
    ) -> None:
        self._folder = folder
        self._home = home
        self._wish = wish
        self._trial = trial
        self._progress = progress
        self._spec = SweepSpec.load(folder.spec)
        self._config = config_of(self._spec, trial.record)
        self._form = _form(self._config, wish)
        if wish.gguf:
            refuse_gguf(self._config.objective, self._form.whole)

    def run(self) -> Done:
        size = self._form.size(self._trial.weights, self._trial.record.total_parameters)
        refuse_if_full(self._wish.to, 2 * size if self._wish.gguf else size)
        prepared = self._prepared()
        with written(self._wish.to) as draft:
            model = self._write(draft, prepared)
        return Done(self._wish.to, model, tuple(self._notes(model)))

    def _prepared(self) -> Prepared:
        """Model and data as the sweep had them."""
        refuse_without_base(self._spec, self._trial.sweep)
        with self._progress.phase("preparing model and data"):
            prepared = inputs_of(self._spec.trial, self._home.cache, progress=self._progress)
        known = self._trial.sweep.provenance
        now = {"data": prepared.data_fingerprint, "model": prepared.model_fingerprint}
        for what, then in _fingerprints(known).items() if known else ():
            if then != now[what] and not (what == "data" and self._wish.unchecked):
                unchecked = "; or add --unchecked" if what == "data" else ""
                raise SweepError(
                    f"the {what} of sweep {self._trial.sweep.name!r} has changed since its launch "
                    f"(fingerprint {then}, now {now[what]}), so that the export could not be "
                    f"measured again; restore the original{unchecked}"
                )
        return prepared

    def _write(self, draft: Path, prepared: Prepared) -> Exported:
        config, inputs = self._config, prepared.inputs
        base = self._base(prepared)
        if self._wish.for_others and base.is_folder and not self._form.whole:
            raise SweepError(
                f"--push: the adapter needs its base, the folder {base.name}, which others do not "
                "have; add --merge"
            )
        write_model(
            draft, self._form, config, inputs, self._trial.weights, base.name, self._progress
        )
        model = self._described(prepared, base, draft)
        if self._wish.gguf:
            with self._progress.phase(f"writing {GGUF} and comparing it"):
                write_gguf(draft, model.title, config.trust_remote_code)
        if not self._wish.unchecked and self._has_loss:
            model = replace(model, again=self._measured(draft, model, prepared))
        (draft / CARD).write_text(card(model), encoding="utf-8")
        (draft / "reproduce.sh").write_text(reproduce_script(model), encoding="utf-8")
        (draft / "requirements.txt").write_text(requirements(model), encoding="utf-8")
        tree = one_trial(self._spec, self._trial.sweep, self._trial.record)
        (draft / TRIAL).write_text(as_yaml(tree), encoding="utf-8")
        self._write_modelfile(draft, model, prepared)
        return model

    @property
    def _has_loss(self) -> bool:
        """Whether there is something to compare: prompts without answers have no loss."""
        return "eval_loss" in self._trial.measured.metrics

    def _measured(self, draft: Path, model: Exported, prepared: Prepared) -> dict[str, float]:
        # One process measures it, in the same batches.
        config = self._config.model_copy(update={"deepspeed": None})
        with self._progress.phase("loading and measuring the export in a fresh process"):
            found = measured_afresh(Request(draft, model.loading, config, prepared.inputs))
        refuse_to_differ(self._form, self._config, model.measured.metrics, found)
        return found

    def _base(self, prepared: Prepared) -> Base:
        source = prepared.inputs.model
        folder = source.folder
        name = str(folder) if folder else source.name
        return Base(name, folder is not None, source.revision, license_of(source))

    def _described(self, prepared: Prepared, base: Base, draft: Path) -> Exported:
        trial, config = self._trial, self._config
        return Exported(
            sweep=trial.sweep,
            trial=trial.record,
            measured=trial.measured,
            place=trial.place,
            trials=len(trial.ranking.winners) + len(trial.ranking.left_out),
            verdict=" ".join(conclusion(trial.results)),
            base=base,
            whole=self._form.whole,
            dtype=self._form.dtype,
            loading=self._loading(prepared, base),
            data=prepared.description,
            train=_public(config),
            error=self._error(),
            again={},
        )

    def _loading(self, prepared: Prepared, base: Base) -> str:
        from trainables.training.workshop import Workshop

        pad_id = Workshop(prepared.inputs).pad_id if prepared.inputs.labels else 0
        config, whole = self._config, self._form.whole
        return loading_code(config, prepared.inputs, whole, _held(config), base.name, pad_id)

    def _error(self) -> float | None:
        losses = folder_of(self._folder, self._trial.record) / LOSSES
        try:
            return standard_error(load_sequence_losses(losses)) if losses.exists() else None
        except LossesError:
            return None

    def _write_modelfile(self, draft: Path, model: Exported, prepared: Prepared) -> None:
        from trainables.data.tokens.tokenizer import load_tokenizer

        if refusal(model, bool(prepared.inputs.new_tokens)):
            return
        kept = load_tokenizer(replace(prepared.inputs.model, name=str(draft), revision=None))
        own = load_tokenizer(prepared.inputs.tokenizer_source).chat_template
        default = self._config.learns.writes_answers and not own
        text = modelfile(model, kept.eos_token, default)
        (draft / "Modelfile").write_text(text, encoding="utf-8")

    def _notes(self, model: Exported) -> list[str]:
        notes, front = [], self._trial.ranking
        if front.several and len(front.winners) > 1 and self._wish.trial is None:
            numbers = ", ".join(str(winner.record.number) for winner in front.winners)
            notes.append(
                f"The best by {next(iter(front.goals))} of the Pareto front, which is trials "
                f"{numbers}; --trial selects another."
            )
        if model.base.is_folder and not model.whole:
            notes.append(
                f"The adapter needs its base, the folder {model.base.name}; --merge makes a model "
                "that needs none."
            )
        if not model.base.license:
            notes.append("The base states no license.")
        if why := refusal(model, bool(self._spec.trial.data and self._spec.trial.data.new_tokens)):
            notes.append(f"No Modelfile: {why}.")
        if self._wish.for_others and (paths := _own_paths(self._spec)):
            notes.append(f"trial.yaml names paths of this machine: {', '.join(paths)}.")
        if self._wish.gguf:
            notes.append(f"{GGUF}: read again by transformers, it is the same, tensor by tensor.")
        if self._wish.unchecked or not self._has_loss:
            notes.append("The exported files have not been measured.")
        return notes


def _form(config: TrialConfig, wish: Wish) -> Form:
    """RefusedError if the trial cannot be exported like that."""
    if config.tunes.trains_base:
        return Form(whole=True, merges=False, dtype=wish.dtype)
    if not wish.merge:
        if wish.dtype:
            raise SweepError(
                "--dtype: an adapter keeps its precision; add --merge, or leave it out"
            )
        return Form(whole=False, merges=False)
    from trainables.models.merging import refuse_to_merge

    refuse_to_merge(config)
    return Form(whole=True, merges=True, dtype=wish.dtype or config.precision)


def _held(config: TrialConfig) -> str:
    """The precision in which the trial held its base."""
    from trainables.training.base import DTYPES, loading_of

    held = loading_of(config).weights
    return next(name for name, dtype in DTYPES.items() if dtype is held)


def _fingerprints(known: object) -> dict[str, str]:
    return {what: getattr(known, f"{what}_fingerprint") for what in ("data", "model")}


def _own_paths(spec: SweepSpec) -> list[str]:
    """The absolute paths in the spec of the trial."""
    texts = [value for value in leaves(spec.tree).values() if isinstance(value, str)]
    return [text for text in texts if Path(text).is_absolute()]


def _public(config: TrialConfig) -> tuple[str, ...]:
    """The training files as named in the sweep file; of absolute paths only the last part."""
    assert config.data is not None, "training has data"
    names: Sequence[str] = file_names(config.data)["train"]
    return tuple(Path(name).name if Path(name).is_absolute() else name for name in names)
