"""Disks that fill up, files that are torn, and trials that hang or cannot get at their files."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from books import (
    check_books,
    folder_of,
    history,
    kill_driver,
    launch,
    outcome,
    output_of,
    started,
    sweep,
    undisturbed,
)
from spec_samples import searching_tree, toy_tree

from results.records.record import TrialStatus

pytestmark = pytest.mark.chaos

log = logging.getLogger(__name__)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A disk of its own at `folder`; the function that comes changes its mount options."""

    def mount(options: str) -> None:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")

    folder.mkdir()
    mount(f"size={size}")
    try:
        yield mount
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.ci
def test_a_disk_that_fills_up_in_mid_sweep(tmp_path):
    home = tmp_path / "disk"
    tree = searching_tree(seconds=0.5)
    with small_disk(home, "24m"):
        with started(tree, home, until="trial 1 ") as process:
            fill(home / "filler", lambda: process.poll() is not None)
        last_word = output_of(home).splitlines()[-1]
        assert process.returncode == 2, output_of(home)
        assert last_word.startswith(f"Error: {home}/") and "No space left" in last_word
        (home / "filler").unlink()
        done = sweep("resume", "toy", home=home)
        assert done.returncode == 0, done.stderr
        records = check_books(home, "toy", trials=6).store.trials()
        assert {record.status for record in records} == {TrialStatus.COMPLETE}
        assert [record.attempts for record in records[:2]] == [1, 1]
        assert outcome(home, "toy") == undisturbed(tree, home)


def fill(file: Path, until: Callable[[], bool]) -> None:
    """Take all that is free, again and again."""
    with file.open("wb", buffering=0) as filler:
        while not until():
            try:
                filler.write(bytes(4096))
            except OSError:
                time.sleep(0.05)


def test_a_home_that_cannot_be_written_is_refused(tmp_path):
    home = tmp_path / "disk"
    with small_disk(home, "1m") as mount:
        mount("remount,ro")
        spec = tmp_path / "toy.yaml"
        spec.write_text(yaml.safe_dump(toy_tree()))
        done = sweep("launch", str(spec), home=home)
    assert done.returncode == 2, done.stderr
    assert "Read-only file system" in done.stderr and "Traceback" not in done.stderr


def test_a_torn_journal_and_half_a_record_cost_nothing(tmp_path):
    tree = searching_tree(seconds=0.5)
    with started(tree, tmp_path, until="trial 2 ") as process:
        kill_driver(process)
    folder = folder_of(tmp_path, "toy")
    before = history(folder.store.trials()[:3])
    journal = folder.journal.read_bytes()
    folder.journal.write_bytes(journal[:-20])
    lock = folder.journal.with_name("optuna.journal.lock")
    lock.unlink(missing_ok=True)
    lock.symlink_to(folder.journal)
    half = folder.store.trial_folder(2) / "record.json"
    half.with_name(".record.json.77.tmp").write_text(half.read_text()[:100])
    done = sweep("resume", "toy", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert history(check_books(tmp_path, "toy", trials=6).store.trials()[:3]) == before
    assert outcome(tmp_path, "toy") == undisturbed(tree, tmp_path)
    half.write_text(half.read_text()[:100])
    done = sweep("resume", "toy", home=tmp_path)
    assert done.returncode == 2 and f"{half}: Invalid JSON" in done.stderr


def test_a_trial_that_hangs_fails_and_the_others_go_on(tmp_path):
    rates = [1e-3, 5e-2, 2e-3]
    tree = toy_tree(
        budget={"trials": 3, "evaluations": 4},
        search={
            "early_stopping": "none",
            "first_points": [{"learning_rate": rate} for rate in rates],
        },
        slots={"count": 1, "trial_timeout": 3.0},
        space={"learning_rate": {"choice": rates}},
        toy={"hang_above": 1e-2},
    )
    began = time.monotonic()
    done = launch(tree, tmp_path)
    log.info("two hangs of 3 s each: the whole sweep took %.0f s", time.monotonic() - began)
    assert done.returncode == 0, done.stderr
    folder = check_books(tmp_path, "toy", trials=3)
    good, bad, after = folder.store.trials()
    assert (good.status, after.status) == (TrialStatus.COMPLETE, TrialStatus.COMPLETE)
    assert (bad.status, bad.attempts) == (TrialStatus.FAILED, 2)
    assert bad.error.startswith("its slot died 2 times while training it; last error: no progress")
    assert "_misbehave" in (folder.store.trial_folder(1) / "hang-rank0.txt").read_text()
