"""How a launch or a resume ends that came to no trial, without Ray."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager, nullcontext

import pytest
from spec_samples import toy_tree

from results.records.record import SweepState, TrialRecord
from sweeps.base.errors import LaunchError, SweepError
from sweeps.base.view import View
from sweeps.books.books import new_record
from sweeps.home.home import SweepHome
from sweeps.run import launch as module
from sweeps.search.study import open_study
from sweeps.spec.spec import SweepSpec

SPEC, OTHER = (SweepSpec.parse(toy_tree(name=name)) for name in ("toy", "other"))


@pytest.fixture
def home(tmp_path):
    return SweepHome(tmp_path)


def test_sigterm_before_there_are_books_leaves_no_folder(home, monkeypatch):
    def killed(*arguments):
        assert not home.sweep("toy").path.exists()
        signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(module, "new_record", killed)
    with pytest.raises(KeyboardInterrupt):
        module.launch(SPEC, home, View())
    assert not home.sweep("toy").path.exists()
    assert signal.getsignal(signal.SIGTERM) is before


def test_where_mlflow_cannot_be_opened_the_name_stays_free(home, monkeypatch):
    monkeypatch.setattr(module, "cluster", lambda address: nullcontext(True))
    nowhere = home.path / "no" / "such" / "folder"
    (home.path / "no").write_text("a file where a folder would have to be")
    spec = SweepSpec.parse(toy_tree(tracking={"uri": f"sqlite:///{nowhere}/mlflow.db"}))
    with pytest.raises(SweepError, match=r"tracking\.uri"):
        module.launch(spec, home, View())
    assert not home.sweep("toy").path.exists()


class SlowTracker:
    """An MLflow that takes a while to open."""

    ended = ()

    def __init__(self, *where): ...

    def start_sweep(self, record, spec_text, stamp):
        time.sleep(0.5)
        return "parent"

    def end_sweep(self, record, ranking, stamp):
        SlowTracker.ended += (record.state,)


@pytest.mark.parametrize(
    ("error", "state", "said"),
    [
        (LaunchError("Ray did not start"), SweepState.FAILED, "Ray did not start"),
        (KeyboardInterrupt(), SweepState.INTERRUPTED, None),
    ],
)
def test_where_ray_does_not_start_the_books_are_closed(home, monkeypatch, error, state, said):
    @contextmanager
    def cluster(address):
        raise error
        yield

    monkeypatch.setattr(module, "cluster", cluster)
    monkeypatch.setattr("results.mlflow.tracking.Tracker", SlowTracker)
    monkeypatch.setattr(SlowTracker, "ended", ())
    folder = home.sweep("toy")
    folder.take_name()
    folder.write_spec(SPEC.text())
    earlier = new_record(SPEC, None).with_changes(state="interrupted")
    folder.store.write_sweep(earlier)
    open_study(SPEC, folder.journal, earlier.created).ask()
    folder.store.write_trial(TrialRecord(sweep="toy", number=0, status="complete", ended=9.0))
    with pytest.raises(type(error)):
        module.resume("toy", home, View())
    sweep = folder.store.sweep()
    assert (sweep.state, sweep.error, sweep.ended is None) == (state, said, False)
    assert SlowTracker.ended == (state,), "MLflow is told, though it opened later"
    with pytest.raises(type(error)):
        module.launch(OTHER, home, View())
    assert not home.sweep("other").path.exists()
