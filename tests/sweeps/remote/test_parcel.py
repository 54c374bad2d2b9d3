"""Reports and files of a cluster brought home: the real command, run there by a job server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from finished_sweeps import a_search, sweep_tree, write_ended
from job_server import JobServer, connect_to
from typer.testing import CliRunner

from results.records.record import Provenance
from sweeps.base.errors import SweepError
from sweeps.cli.app import app
from sweeps.remote.parcel import Parcel, send

ROOT = Path(__file__).parents[3]


class Head(JobServer):
    """A head node whose `sweep` is this one, with a sweep home of its own."""

    def __init__(self, folder: Path):
        self.home = folder / "far-home"
        program = f'#!/bin/sh\nexec {sys.executable} -m sweeps.cli "$@"\n'
        own = {"PYTHONPATH": str(ROOT), "SWEEP_HOME": str(self.home)}
        super().__init__(folder, program, {**os.environ, **own})
        (folder / "job").mkdir()
        self.cwd = folder / "job"

    def submit_job(self, entrypoint, submission_id, **_):
        self.run(entrypoint, self.cwd, stderr=subprocess.STDOUT)
        return submission_id


@pytest.fixture
def head(tmp_path, monkeypatch) -> Head:
    made = Head(tmp_path)
    connect_to(made, monkeypatch)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return made


def asked(*words, code=0):
    done = CliRunner().invoke(app, [*words, "--address", "http://head:8265"])
    assert done.exit_code == code, done.output
    return done.output


def numbers(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(text.partition('id="numbers">')[2].partition("</script>")[0])


def test_reports_and_the_next_file_come_home(head):
    known = Provenance(seed=1, data_fingerprint="abc")
    write_ended(head.home, a_search(12), provenance=known)
    write_ended(head.home, a_search(3), {**sweep_tree(), "name": "other"}, provenance=known)
    said = asked("report", "ended")
    assert "Written here: ended.html" in said and "winnow-parcel" not in said
    assert numbers(Path("ended.html"))["sweep"] == "ended"
    asked("compare", "ended", "other", "-o", "both.html")
    assert "Sweep ended is best" in Path("both.html").read_text(encoding="utf-8")
    assert "Next: sweep launch ended-2.yaml" in asked("next", "ended")
    written = Path("ended-2.yaml").read_text(encoding="utf-8")
    assert written.startswith("#") and "name: ended-2" in written
    assert "already exists" in asked("next", "ended", code=2)
    assert Path("ended-2.yaml").read_text(encoding="utf-8") == written
    assert list(head.cwd.iterdir()) == [], "nothing is left in the job's folder"


def test_what_goes_wrong_there_is_told_and_nothing_is_written(head):
    assert "no sweep" in asked("report", "nowhere", code=2)
    assert "--follow: only on the machine" in asked("report", "ended", "--follow", code=2)
    assert "absolute path" in asked("export", "ended", "--to", "folder", code=2)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("lost", [slice(1, None), slice(0, 1), slice(0, -1), slice(0, 0)])
def test_a_file_that_lost_a_part_on_the_way_is_refused(tmp_path, monkeypatch, lost):
    monkeypatch.setattr("sweeps.remote.parcel._LINE", 40)
    (tmp_path / "page").write_text("".join(map(str, range(99))))
    lines = []
    send(tmp_path / "page", "page.html", lines.append)
    parcel = Parcel()
    assert all(parcel.takes(line) for line in lines[lost]) and not parcel.takes("Report: x")
    with pytest.raises(SweepError, match="did not arrive whole"):
        parcel.unpack(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_name_from_afar_is_no_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page").write_text("x")
    parcel = Parcel()
    send(tmp_path / "page", "../../evil", parcel.takes)
    assert parcel.unpack(None) == Path("evil")
