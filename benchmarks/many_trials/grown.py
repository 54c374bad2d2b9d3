"""A sweep home with many ended trials, made from a smaller one in a minute.

    python -m benchmarks.many_trials.grown FROM TO [--times 9] [--trials 10000]

FROM is a home as benchmarks.many_trials.driver leaves it with `--home`. TO gets its sweep with each
trial so many times, in all books: records, Optuna's journal, MLflow's database; and with a budget
of so many trials, so that benchmarks.many_trials.driver resumes it there.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from benchmarks.many_trials.driver import NAME
from results.mlflow.known_runs import digest
from results.mlflow.tags import NUMBER, TOLD
from results.records.record import SweepState, TrialRecord
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.search.study import open_study
from sweeps.spec.spec import SweepSpec

_OF_A_RUN = ("runs", "tags", "params", "metrics", "latest_metrics")
"""MLflow's tables with rows of a run."""


def grow(source: SweepHome, target: SweepHome, times: int, trials: int) -> None:
    """Make the home `target`, with a budget of so many `trials`."""
    small, large = source.existing(NAME), target.sweep(NAME)
    large.path.mkdir(parents=True)
    spec = SweepSpec.load(small.spec, [f"budget.trials={trials}"], NAME)
    large.write_spec(spec.text())
    records = [record for record in small.store.trials() if record.status.ended]
    copies = [
        record.with_changes(number=number, run_id=uuid.uuid4().hex)
        for number, record in enumerate(records * times)
    ]
    database = target.path / "mlflow.db"
    shutil.copy(source.path / "mlflow.db", database)
    _grow_runs(database, records, copies)
    _grow_study(spec, small, large, len(records) * times)
    for record in copies:
        large.store.write_trial(record)
    earlier = small.store.sweep()
    large.store.write_sweep(
        earlier.with_changes(
            state=SweepState.INTERRUPTED, ended=None, tracking_uri=f"sqlite:///{database}"
        )
    )


def _grow_study(spec: SweepSpec, small: SweepFolder, large: SweepFolder, count: int) -> None:
    storage = JournalStorage(JournalFileBackend(str(small.journal)))
    known = optuna.load_study(study_name=NAME, storage=storage).get_trials(deepcopy=False)
    study = open_study(spec, large.journal, small.store.sweep().created)
    for number in range(count):
        study.add_trial(known[number % len(known)])


def _grow_runs(
    database: Path, records: Sequence[TrialRecord], copies: Sequence[TrialRecord]
) -> None:
    """In place of each run, one for each copy."""
    with closing(sqlite3.connect(database)) as connection:
        for place, copy in enumerate(copies):
            run = records[place % len(records)].run_id
            for table in _OF_A_RUN:
                _copy_rows(connection, table, {"run_uuid": (run, copy.run_id)})
            for tag, value in ((NUMBER, str(copy.number)), (TOLD, digest(copy))):
                connection.execute(
                    "INSERT OR REPLACE INTO tags (key, value, run_uuid) VALUES (?, ?, ?)",
                    (tag, value, copy.run_id),
                )
        for record in records:
            for table in reversed(_OF_A_RUN):
                connection.execute(f"DELETE FROM {table} WHERE run_uuid = ?", (record.run_id,))
        connection.commit()


def _copy_rows(
    connection: sqlite3.Connection, table: str, changed: Mapping[str, tuple[object, object]]
) -> None:
    """Copy the rows with the first value of each pair; the copies have the second."""
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join("?" if name in changed else f'"{name}"' for name in names)
    wanted = " AND ".join(f"{name} = ?" for name in changed)
    connection.execute(
        f"INSERT INTO {table} SELECT {values} FROM {table} WHERE {wanted}",
        (*(new for _, new in changed.values()), *(old for old, _ in changed.values())),
    )


def main() -> None:
    """Grow one home."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, metavar="FROM")
    parser.add_argument("target", type=Path, metavar="TO")
    parser.add_argument("--times", type=int, default=9)
    parser.add_argument("--trials", type=int, default=10_000)
    options = parser.parse_args()
    grow(SweepHome(options.source), SweepHome(options.target), options.times, options.trials)


if __name__ == "__main__":
    main()
