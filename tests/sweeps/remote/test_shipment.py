"""What was sent to a cluster stays as long as its sweep does."""

from __future__ import annotations

import os
import time

import pytest
from spec_samples import toy_tree

from sweeps.books.books import new_record
from sweeps.home.home import SweepHome
from sweeps.remote.shipment import pack, settle
from sweeps.spec.spec import SweepSpec


@pytest.fixture
def send(tmp_path, monkeypatch):
    """Something is sent so many days ago, and is settled for a sweep of a home of its own."""

    def send(name, days):
        folder = tmp_path / "sent" / name
        folder.mkdir(parents=True)
        monkeypatch.chdir(folder)
        sweep = SweepHome(tmp_path / "home").sweep(name)
        settle(sweep)
        then = time.time() - days * 86400
        os.utime(folder, (then, then))
        return folder, sweep

    return send


def launched(sweep):
    sweep.path.mkdir(parents=True)
    sweep.store.write_sweep(new_record(SweepSpec.parse(toy_tree()), None))


def test_what_was_sent_for_no_sweep_goes_after_a_day(send):
    with_sweep, sweep = send("a", 9)
    launched(sweep)
    failed, _ = send("b", 2)
    fresh, _ = send("c", 0)
    assert with_sweep.exists() and fresh.exists()
    assert not failed.exists()


def test_what_a_sweep_that_cannot_be_read_may_need_stays(send):
    damaged, sweep = send("a", 9)
    launched(sweep)
    sweep.books.write_text("{")
    send("b", 0)
    assert damaged.exists()


def test_of_two_launches_with_one_name_the_one_that_was_refused_leaves_nothing(send, tmp_path):
    first, sweep = send("a", 9)
    launched(sweep)
    second = tmp_path / "sent" / "second"
    second.mkdir()
    os.chdir(second)
    settle(sweep)
    os.utime(second, (0, 0))
    send("b", 0)
    assert first.exists() and not second.exists()


def test_where_nothing_was_sent_nothing_is_deleted(tmp_path, monkeypatch):
    (tmp_path / "project").mkdir()
    (tmp_path / "neighbour").mkdir()
    os.utime(tmp_path / "neighbour", (0, 0))
    monkeypatch.chdir(tmp_path / "project")
    settle(SweepHome(tmp_path / "home").sweep("a"))
    assert (tmp_path / "neighbour").exists() and not list((tmp_path / "project").iterdir())


def test_a_template_file_is_sent_with_the_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("rows.jsonl", "my.jinja"):
        (tmp_path / name).write_text("x")
    for template, sent in (("my.jinja", ["my.jinja", "rows.jsonl"]), ("qwen", ["rows.jsonl"])):
        data = {"train": "rows.jsonl", "template": template}
        target = tmp_path / f"sent of {template}"
        target.mkdir()
        pack(SweepSpec.parse(toy_tree(objective="sft", model="org/model", data=data)), target)
        assert sorted(each.name for each in target.iterdir()) == [*sent, "sweep.yaml"]
