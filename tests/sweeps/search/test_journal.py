"""The sweep's own journal against Optuna's, which reads and writes the same file."""

from __future__ import annotations

import optuna
import pytest
from books import SEARCHING
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from results.records.record import Measurement, TrialRecord
from sweeps.search import journal
from sweeps.search.journal import OwnStorage, written_together
from sweeps.search.study import StudyBook, open_study


def as_optuna_reads(path):
    """The trials in the file, by Optuna alone."""
    storage = JournalStorage(JournalFileBackend(str(path)))
    return optuna.load_study(study_name=SEARCHING.name, storage=storage).trials


def measured(number, status):
    value = Measurement(point=1, step=1, tokens=1, seconds=1.0, metrics={"eval_loss": 0.5 + number})
    return TrialRecord(sweep="toy", number=number, status=status, measurements=(value,))


def test_optuna_reads_from_the_file_what_the_sweep_knows(tmp_path):
    path = tmp_path / "journal"
    study = open_study(SEARCHING, path)
    book = StudyBook(study, SEARCHING.search)
    for number, status in enumerate(["complete", "pruned", "failed", "running"]):
        book.draw(SEARCHING.space)
        book.measured(measured(number, status))
        if status != "running":
            book.ended(measured(number, status))
        assert as_optuna_reads(path) == study.trials
    assert open_study(SEARCHING, path).trials == study.trials, "read again from its start"


def test_a_draw_is_one_write(tmp_path, monkeypatch):
    book = StudyBook(open_study(SEARCHING, tmp_path / "journal"), SEARCHING.search)
    synced, sync = [], journal.os.fsync
    monkeypatch.setattr(journal.os, "fsync", lambda file: (synced.append(1), sync(file)))
    book.draw(SEARCHING.space)
    assert len(synced) == 1


def test_what_was_changed_before_an_error_is_in_the_file(tmp_path):
    path = tmp_path / "journal"
    study = open_study(SEARCHING, path)
    with pytest.raises(KeyError), written_together(study._storage):
        study.ask()
        raise KeyError
    assert as_optuna_reads(path) == study.trials
    assert len(study.trials) == 1
    study.ask()
    assert as_optuna_reads(path) == study.trials


def test_a_file_that_optuna_wrote_is_read_and_continued(tmp_path):
    path = tmp_path / "journal"
    theirs = optuna.create_study(
        study_name=SEARCHING.name, storage=JournalStorage(JournalFileBackend(str(path)))
    )
    theirs.ask()
    ours = optuna.load_study(study_name=SEARCHING.name, storage=OwnStorage(path))
    assert ours.trials == theirs.trials
    ours.ask()
    assert [trial.number for trial in as_optuna_reads(path)] == [0, 1]
