"""The real command on sweeps for tests, and whether the three books that it leaves agree."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import optuna
import psutil
import yaml
from optuna.trial import TrialState
from spec_samples import searching_tree
from typer.testing import CliRunner
from waiting import PATIENCE, wait_until

from results.mlflow.tracking import read_sweep
from results.records.record import Measurement, TrialRecord, TrialStatus
from sweeps.cli.app import app
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.search.study import StudyBook, open_study
from sweeps.search.study_storage import open_storage
from sweeps.spec.spec import SweepSpec
from trainables.core.evaluation import Evaluation, Monitor, Verdict
from trainables.slots import toy
from trainables.training.inputs import prepare_inputs

IN_OPTUNA = {
    TrialStatus.COMPLETE: TrialState.COMPLETE,
    TrialStatus.PRUNED: TrialState.PRUNED,
    TrialStatus.DIVERGED: TrialState.FAIL,
    TrialStatus.FAILED: TrialState.FAIL,
    # It is to go on.
    TrialStatus.INTERRUPTED: TrialState.RUNNING,
}

SEARCHING = SweepSpec.parse(searching_tree(seconds=0.0))


def sweep_command(*arguments: str, home: Path) -> list[str]:
    return [sys.executable, "-m", "sweeps.cli", *arguments, "--home", str(home)]


def sweep(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    command = sweep_command(*arguments, home=home)
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


def sweep_here(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """The same command in this process, on the Ray that this process is connected to."""
    command = [*arguments, "--home", str(home)]
    done = CliRunner().invoke(app, command)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(command, done.exit_code, done.stdout, done.stderr)


def launch(tree: dict, home: Path) -> subprocess.CompletedProcess[str]:
    return sweep("launch", str(write_spec(tree, home)), home=home)


def launch_here(tree: dict, home: Path) -> subprocess.CompletedProcess[str]:
    return sweep_here("launch", str(write_spec(tree, home)), home=home)


def write_spec(tree: dict, home: Path) -> Path:
    spec = home / f"{tree['name']}.yaml"
    spec.write_text(yaml.safe_dump(tree, sort_keys=False))
    return spec


@contextmanager
def started(tree: dict, home: Path, until: str) -> Iterator[subprocess.Popen[str]]:
    """A sweep in the background that has printed a line beginning with `until`."""
    with background("launch", str(write_spec(tree, home)), home=home, until=until) as process:
        yield process


@contextmanager
def background(*arguments: str, home: Path, until: str) -> Iterator[subprocess.Popen[str]]:
    """A command in the background, in a process group of its own, that has printed such a line;
    `output_of` tells what it says."""
    command = sweep_command(*arguments, home=home)
    with (
        _output(home).open("w") as file,
        subprocess.Popen(command, stdout=file, stderr=file, text=True, process_group=0) as it,
    ):
        try:
            wait_until(
                lambda: (
                    it.poll() is not None
                    or any(line.startswith(until) for line in output_of(home).splitlines())
                )
            )
            assert it.poll() is None, output_of(home)
            yield it
        finally:
            it.kill()


def output_of(home: Path) -> str:
    """What the command in the background has printed so far."""
    return _output(home).read_text()


def _output(home: Path) -> Path:
    return home.with_name(f"{home.name}-output.txt")  # the home's disk may be full


def processes(of: subprocess.Popen[str] | psutil.Process, title: str = "") -> list[psutil.Process]:
    """The processes of a sweep's Ray whose command lines hold `title`."""
    children = psutil.Process(of.pid).children(recursive=True)
    return [child for child in children if title in _title(child)]


def kill_driver(sweep: subprocess.Popen[str], *others: str) -> None:
    """kill -9 of the command itself, after the `others` that it began; nothing trains on."""
    family, workers = processes(sweep), processes(sweep, "RayTrainWorker")
    assert workers
    for victim in [each for title in others for each in processes(sweep, title)]:
        victim.kill()
    sweep.kill()
    _, left = psutil.wait_procs(workers, timeout=60)
    end(family)
    assert not left, "a slot trains on"


def end(family: list[psutil.Process]) -> None:
    """Ray's agents stay a while when their raylet is killed."""
    for process in family:
        with suppress(psutil.Error):
            process.kill()


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


class Steps(threading.Thread):
    """Sees each checkpoint that a trial writes: which step, and when."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.seen: dict[tuple[int, int], None] = {}
        self._folder = folder
        self._enough = threading.Event()

    def run(self) -> None:
        while not self._enough.wait(0.01):
            with suppress(OSError):  # an old one that has just been dropped
                for file in self._folder.glob("checkpoints/checkpoint-*/manifest.json"):
                    step = int(file.parent.name.removeprefix("checkpoint-"))
                    self.seen[step, file.stat().st_mtime_ns] = None

    def __enter__(self) -> Steps:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self.join()

    def wait_for(self, step: int) -> float:
        return wait_until(lambda: self.last >= step)

    @property
    def last(self) -> int:
        return max((step for step, _ in self.seen), default=0)


def folder_of(home: Path, name: str) -> SweepFolder:
    return SweepHome(home).sweep(name)


def points(home: Path, name: str) -> int:
    """How many evaluations of all trials are on record."""
    return sum(len(record.measurements) for record in folder_of(home, name).store.trials())


def history(records: list[TrialRecord]) -> list[tuple]:
    """What of trials that have ended no interruption may change."""
    return [(r.number, r.status, r.attempts, r.started, r.ended, r.measurements) for r in records]


def check_books(
    home: Path,
    name: str,
    trials: int,
    storage: str | None = None,
    tracking: str | None = None,
    refused: int = 0,
) -> SweepFolder:
    """Sweep folder, Optuna and MLflow hold the same trials, each once, with the same ends.

    A cap has `refused` what Optuna has drawn after them.
    """
    folder = folder_of(home, name)
    records = folder.store.trials()
    assert [record.number for record in records] == list(range(trials))
    study = optuna.load_study(study_name=name, storage=open_storage(storage, folder.journal))
    known = [IN_OPTUNA[record.status] for record in records]
    assert [t.state for t in study.trials] == [*known, *[TrialState.RUNNING] * refused]
    found, tracked = read_sweep(tracking or SweepHome(home).tracking_uri, name)
    assert tracked == records
    assert found.base == folder.store.sweep().base
    return folder


def check_interrupted(home: Path, name: str) -> None:
    """The books of a sweep that was ended in its third trial or later, one after the other."""
    folder = check_books(home, name, trials=len(folder_of(home, name).store.trials()))
    statuses = [record.status for record in folder.store.trials()]
    assert statuses[:2] == [TrialStatus.COMPLETE] * 2
    assert set(statuses[2:]) <= {TrialStatus.COMPLETE, TrialStatus.INTERRUPTED}
    assert folder.store.sweep().state.value == "interrupted"


def undisturbed(tree: dict, folder: Path) -> tuple[list[dict], int]:
    """What `outcome` is of a toy sweep in one slot to which nothing happens; there is no Ray."""
    spec = SweepSpec.parse(tree)
    study = StudyBook(open_study(spec, folder / "undisturbed.journal"), spec.search)
    params, losses = [], []
    while len(params) < spec.trials:
        number, drawn = study.draw(spec.space)
        params.append(drawn)
        losses.append(toy.final_loss(spec.trial.with_params(params[-1])))
        measured = {"point": 1, "step": 1, "tokens": 1, "seconds": 1.0}
        measurement = Measurement(**measured, metrics={"eval_loss": losses[-1]})
        record = TrialRecord(
            sweep=spec.name,
            number=number,
            status=TrialStatus.COMPLETE,
            measurements=(measurement,),
        )
        study.measured(record)
        study.ended(record)
    return params, losses.index(min(losses))


def drawn(book: StudyBook, trials: int) -> list[dict]:
    """The params of so many trials, each of which has ended before the next one is asked for."""
    found = []
    for _ in range(trials):
        number, params = book.draw(SEARCHING.space)
        found.append(params)
        loss = {"eval_loss": abs(found[-1]["learning_rate"] - 1e-3)}
        measured = Measurement(point=1, step=1, tokens=1, seconds=1.0, metrics=loss)
        record = TrialRecord(
            sweep="toy",
            number=number,
            status=TrialStatus.COMPLETE,
            measurements=(measured,),
        )
        book.ended(record)
    return found


def outcome(home: Path, name: str) -> tuple[list[dict], int]:
    """The params of all trials, and who won: the same in every run with the same seed."""
    params = [dict(record.params) for record in folder_of(home, name).store.trials()]
    return params, winners_of(home, name)["winners"][0]["trial"]


def winners_of(home: Path, name: str) -> dict:
    done = sweep_here("winners", name, "--json", "--top", "99", home=home)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def losses_of(folder: SweepFolder) -> list[float]:
    trials = folder.store.trials()
    return [m.metrics["eval_loss"] for trial in trials for m in trial.measurements]


class _Listener(Monitor):
    """Keeps the losses and has nothing to say."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def evaluated(self, evaluation: Evaluation) -> Verdict:
        self.losses.append(evaluation.metrics["eval_loss"])
        return Verdict()


def losses_alone(tree: dict, records: list[TrialRecord], home: Path) -> list[float]:
    """Of the same trials, one after the other in this process."""
    from trainables.training.workshop import Workshop

    spec, listener = SweepSpec.parse({**tree, "slots": {}}), _Listener()
    workshop = Workshop(prepare_inputs(spec.trial, home / "cache").inputs)
    for record in records:
        drawn = {**record.params, "seed": record.config["seed"]}
        workshop.train(spec.trial.with_params(drawn), listener)
    return listener.losses


def real_tree(data: Path, **changes) -> dict:
    return {
        "name": "real",
        "model": str(data / "models/stories260K_hf"),
        "objective": "sft",
        "data": {"train": str(data / "sft/instruction-data.json"), "max_length": 256, "test": 0.05},
        "method": "lora",
        "precision": "fp32",
        "budget": {"trials": 4, "steps": 8, "evaluations": 2},
        "search": {"seed": 1, "early_stopping": "none"},
        "space": {
            "learning_rate": {"log_uniform": [1e-3, 2e-2]},
            "lora.rank": {"choice": [4, 8]},
        },
        **changes,
    }
