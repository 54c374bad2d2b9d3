from __future__ import annotations

import fcntl
import os
import shutil
import socket
import stat
import time
from pathlib import Path

import psutil
import pytest

from results.records.record import SweepRecord, SweepState, TrialRecord, TrialStatus
from sweeps.base.errors import SweepError
from sweeps.home.home import SweepFolder, SweepHome
from sweeps.home.stop import stop
from sweeps.home.sweep_lock import SweepLock


def running() -> SweepRecord:
    return SweepRecord(
        name="a",
        state="running",
        metric="eval_loss",
        mode="min",
        created=time.time(),
        pid=os.getpid(),
        host="elsewhere.example",
    )


def test_the_home_is_the_option_then_the_variable_then_here(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SWEEP_HOME", raising=False)
    assert SweepHome.find().path == tmp_path / ".winnow"
    monkeypatch.setenv("SWEEP_HOME", str(tmp_path / "b"))
    assert SweepHome.find().path == tmp_path / "b"
    assert SweepHome.find(Path("c")).path == tmp_path / "c"


@pytest.mark.parametrize("no_path", ["~nouser/x", "a\0b"])
def test_a_home_that_is_no_path_is_refused(no_path):
    with pytest.raises(SweepError, match=r"is not a valid path .*--home"):
        SweepHome.find(Path(no_path))


def test_a_name_can_be_claimed_once(tmp_path: Path):
    folder = SweepHome(tmp_path).sweep("a")
    taken = pytest.raises(SweepError, match=r"sweep 'a' already exists; .*--name")
    with folder.named(), taken, folder.named():
        pass
    folder.store.write_sweep(running())
    with taken, folder.named():
        pass


def refusal_of(folder: SweepFolder) -> str:
    with pytest.raises(SweepError) as refused:
        folder.refuse_if_taken()
    return str(refused.value)


def test_a_second_launch_of_what_runs_is_told_to_look_at_it_or_to_stop_it(tmp_path: Path):
    folder = SweepHome(tmp_path).sweep("a")
    with folder.named():
        folder.store.write_sweep(running())
        said = refusal_of(folder)
    assert said == (
        f"sweep 'a' already exists; it is running: `sweep status a --home {tmp_path}` shows its "
        f"progress, `sweep stop a --home {tmp_path}` stops it; or choose another name with --name"
    )
    with folder.held(), pytest.raises(SweepError, match=rf"`sweep stop a --home {tmp_path}` stops"):
        folder.held().__enter__()


def test_a_launch_under_the_name_of_results_in_use_is_told_who_uses_them(tmp_path: Path):
    folder = SweepHome(tmp_path).sweep("a")
    folder.store.write_sweep(running().with_changes(state="complete"))
    with folder.held():
        said = refusal_of(folder)
    user = f"process {os.getpid()} on {socket.gethostname()}"
    assert said == (
        f"sweep 'a' already exists; it is in use by another command ({user}): wait for its end; or "
        "choose another name with --name"
    )


@pytest.mark.parametrize(
    ("state", "commands"),
    [
        ("running", ["resume", "winners"]),  # killed: nobody holds it
        ("interrupted", ["resume", "winners"]),
        ("failed", ["resume", "winners"]),
        ("complete", ["winners", "resume"]),
    ],
)
def test_a_launch_under_the_name_of_results_is_told_what_can_be_done_with_them(
    tmp_path: Path, state, commands
):
    folder = SweepHome(tmp_path).sweep("a")
    folder.store.write_sweep(running().with_changes(state=state))
    said = refusal_of(folder)
    assert [each.split()[1] for each in said.split("`")[1::2]] == commands
    assert "another name with --name" in said and "is running" not in said
    assert "delete" not in said and "remove" not in said


def test_a_sweep_whose_record_is_broken_is_nothing_to_launch_over(tmp_path: Path):
    folder = SweepHome(tmp_path).sweep("a")
    folder.take_name()
    folder.books.write_text("{")
    assert "its record cannot be read" in refusal_of(folder)


def test_what_a_killed_launch_left_is_taken_over_and_what_is_somebody_elses_is_not(tmp_path: Path):
    folder = SweepHome(tmp_path).sweep("a")
    folder.take_name()
    for left in ("lock", "sweep.yaml", ".sweep.json.123.tmp"):
        (folder.path / left).touch()
    folder.refuse_if_taken()
    with folder.named():
        pass
    (folder.path / "notes.txt").touch()
    with pytest.raises(SweepError, match=r"is not a sweep; .*--name"):
        folder.refuse_if_taken()


def test_a_name_that_is_given_back_while_another_launch_waits_for_it_is_not_its_own(tmp_path: Path):
    folder = SweepHome(tmp_path).sweep("a")
    lock = folder.path / "lock"
    real = fcntl.flock

    def late(file, how):
        lock.unlink()
        lock.touch()  # by a third launch
        real(file, how)

    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(SweepError, match="already"),
    ):
        patch.setattr(fcntl, "flock", late)
        with folder.named():
            pass


def test_an_unknown_sweep_is_refused_with_those_that_are_there(tmp_path: Path):
    home = SweepHome(tmp_path)
    home.sweep("a").store.write_sweep(running())
    with pytest.raises(SweepError, match=r"no sweep 'b' in .*; sweeps there: a"):
        home.existing("b")


def test_a_sweep_that_no_process_holds_was_interrupted(tmp_path: Path):
    folder = SweepHome(tmp_path).sweep("a")
    folder.store.write_sweep(running())
    assert folder.sweep_record().state is SweepState.INTERRUPTED
    with folder.held():
        assert folder.sweep_record().state is SweepState.RUNNING
        with pytest.raises(SweepError, match="sweep 'a' is running"), folder.held():
            pass
    assert folder.sweep_record().state is SweepState.INTERRUPTED


def ends_before_the_lock_is_looked_at(folder: SweepFolder, patch: pytest.MonkeyPatch) -> None:
    def ended(lock):
        folder.store.write_trial(trial(status="complete", ended=9.0))
        folder.store.write_sweep(running().with_changes(state="complete"))
        return False

    patch.setattr(SweepLock, "is_held", ended)


def trial(**fields) -> TrialRecord:
    return TrialRecord(sweep="a", number=0, **fields)


def test_a_sweep_that_ends_while_it_is_looked_at_was_not_interrupted(tmp_path: Path, monkeypatch):
    folder = SweepHome(tmp_path).sweep("a")
    folder.store.write_sweep(running())
    folder.store.write_trial(trial(status="running"))
    ends_before_the_lock_is_looked_at(folder, monkeypatch)
    assert folder.sweep_record().state is SweepState.COMPLETE


def test_nor_were_its_trials(tmp_path: Path, monkeypatch):
    folder = SweepHome(tmp_path).sweep("a")
    folder.store.write_sweep(running())
    folder.store.write_trial(trial(status="running"))
    ends_before_the_lock_is_looked_at(folder, monkeypatch)
    assert [each.status for each in folder.trials()] == [TrialStatus.COMPLETE]


def test_the_size_of_a_running_sweep_bears_that_folders_go(tmp_path: Path, monkeypatch):
    folder = SweepHome(tmp_path).sweep("a")
    checkpoints = folder.store.trial_folder(0) / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "weights").write_bytes(bytes(1000))
    folder.write_spec("name: a")
    assert folder.size() == 1007
    scandir = os.scandir

    def dropped(path):
        if str(path) == str(checkpoints):
            shutil.rmtree(checkpoints)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", dropped)
    assert folder.size() == 7 and not checkpoints.exists()


def test_a_kept_spec_is_for_its_owner_only(tmp_path: Path):
    folder = SweepHome(tmp_path).sweep("a")
    folder.take_name()
    folder.write_spec("tracking: {uri: 'postgresql://me:secret@db/mlflow'}")
    assert stat.S_IMODE(folder.spec.stat().st_mode) == 0o600


def test_a_freed_name_can_be_claimed_again(tmp_path: Path):
    folder = SweepHome(tmp_path).sweep("a")
    folder.take_name()
    folder.write_spec("name: a")
    folder.free()
    folder.take_name()


def test_a_sweep_is_empty_without_a_trial_but_not_on_a_lost_disk(tmp_path: Path):
    folder = SweepHome(tmp_path).sweep("a")
    with folder.named():
        assert folder.is_empty()
        folder.store.write_trial(TrialRecord(sweep="a", number=0, status="running"))
        assert not folder.is_empty()
        folder.path.rename(tmp_path / "lost")
        assert not folder.is_empty()
        folder.store.write_sweep(running())  # its last word makes another folder there
        assert folder.path.is_dir() and not folder.is_empty()


def test_trials_of_a_killed_sweep_run_no_more(tmp_path: Path):
    folder = SweepHome(tmp_path).sweep("a")
    trial = TrialRecord(sweep="a", number=0, status="running")
    folder.store.write_trial(trial)
    folder.store.write_sweep(running())
    with folder.held():
        assert folder.trials() == [trial]
    (left,) = folder.trials()
    assert (left.status, left.error) == (TrialStatus.INTERRUPTED, None)


def test_a_command_names_the_home_that_it_would_not_find(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("SWEEP_HOME", str(tmp_path / "usual"))
    assert SweepHome.find().option() == ""
    assert SweepHome(tmp_path / "my home").option() == f" --home '{tmp_path}/my home'"


OUTSIDE = [
    "..",
    "../a",
    "a/b",
    "/etc",
    "a/../../b",
    "~",
    ".a",
    "-a",
    "",
    "a\n",
    "a\0b",
    "x" * 65,
    "ä",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_name_leads_out_of_the_home(tmp_path: Path, name):
    home = SweepHome(tmp_path / "home")
    SweepHome(tmp_path).sweep("a").store.write_sweep(running())
    for ask in (home.sweep, home.existing):
        with pytest.raises(SweepError, match="is not a valid sweep name; use at most"):
            ask(name)


def test_a_name_that_is_a_link_to_elsewhere_is_not_written_through(tmp_path: Path):
    home = SweepHome(tmp_path / "home")
    elsewhere = tmp_path / "elsewhere"
    (home.path / "sweeps").mkdir(parents=True)
    for target in (elsewhere, tmp_path):
        folder = home.sweep(f"to-{target.name}")
        folder.path.symlink_to(target)
        with pytest.raises((SweepError, FileExistsError)):
            folder.take_name()
        folder.free()
    assert not elsewhere.exists() and home.path.is_dir()


def test_who_runs_a_sweep_is_known_while_it_does_and_not_of_a_record_left_behind(tmp_path):
    folder = SweepHome(tmp_path).sweep("a")
    assert folder.holder() is None
    with folder.named():
        assert folder.holder() == (os.getpid(), socket.gethostname())
    assert folder.holder() is None


def test_the_sweep_of_another_user_is_not_ended_and_says_whose_it_is(tmp_path, monkeypatch):
    folder = SweepHome(tmp_path).sweep("a")

    def denied(process, _):
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setattr(psutil.Process, "send_signal", denied)
    with folder.named(), pytest.raises(SweepError, match=r"belongs to another user \(process"):
        stop(folder)
