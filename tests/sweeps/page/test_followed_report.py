"""The report of a running sweep, asked for as a browser does."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from finished_sweeps import a_search, ended_trial, write_ended
from typer.testing import CliRunner

from sweeps.cli.app import app
from sweeps.page import live
from sweeps.page.live import HOST, LiveReport, handler


@contextmanager
def served(folder):
    with ThreadingHTTPServer((HOST, 0), handler(LiveReport(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def fetched(url: str, **headers) -> str:
    with build_opener(ProxyHandler({})).open(Request(url, headers=headers)) as answer:
        return answer.read().decode()


def refusal(url: str, **headers) -> int:
    with pytest.raises(HTTPError) as refused:
        fetched(url, **headers)
    with refused.value:
        return refused.value.code


def test_a_new_record_is_on_the_page_when_it_is_loaded_again(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "_YOUNG", 0.0)
    folder = write_ended(tmp_path, a_search(2))
    with served(folder) as url:
        assert "Trial 7 wins" not in fetched(url + "/")
        folder.store.write_trial(ended_trial(7, "complete", {"learning_rate": 1e-4}, 0.5))
        assert "Trial 7 wins: eval_loss 0.5000" in fetched(url + "/")


def test_the_page_reloads_itself_only_while_the_sweep_runs(tmp_path):
    folder = write_ended(tmp_path, a_search(2))
    with folder.held():  # as by the process that runs it
        folder.store.write_sweep(folder.store.sweep().with_changes(state="running"))
        with served(folder) as url:
            assert '<meta http-equiv="refresh" content="15">' in fetched(url + "/")
    with served(folder) as url:
        assert 'http-equiv="refresh"' not in fetched(url + "/")


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [("/sweep.yaml", {}, 404), ("/../sweep.json", {}, 404), ("/", {"Host": "evil.example:1"}, 403)],
)
def test_nothing_else_is_served(tmp_path, path, headers, code):
    with served(write_ended(tmp_path, [])) as url:
        assert refusal(url + path, **headers) == code


def test_an_unreadable_record_is_told_and_does_not_end_the_server(tmp_path):
    folder = write_ended(tmp_path, a_search(2))
    (folder.store.trial_folder(0) / "record.json").write_text("{")
    with served(folder) as url:
        assert [refusal(url + "/") for _ in range(2)] == [500, 500]


def test_following_and_a_file_exclude_each_other(tmp_path):
    write_ended(tmp_path, [])
    words = ["report", "ended", "--home", str(tmp_path), "--follow", "-o", str(tmp_path / "x.html")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2 and "leave out --out" in " ".join(done.output.split())
