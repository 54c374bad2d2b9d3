from __future__ import annotations

import socket

import pytest
from spec_samples import toy_tree

from sweeps.books import new_record
from sweeps.errors import SweepError
from sweeps.home import FROM_AFAR, SweepHome
from sweeps.spec import SweepSpec
from sweeps.ui import how_to_open, serve


def test_from_afar_it_is_said_where_the_ui_is(tmp_path, monkeypatch):
    sweep, home = new_record(SweepSpec.parse(toy_tree()), None), SweepHome(tmp_path)
    assert how_to_open(sweep, home) == f"sweep ui --home {tmp_path}"
    monkeypatch.setenv(FROM_AFAR, " --cluster cluster.yaml")
    assert how_to_open(sweep, home) == f"sweep ui --home {tmp_path}   (on the head node)"


def test_a_port_that_is_taken_is_told_at_once(tmp_path):
    (tmp_path / "mlflow.db").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SweepError, match=f"port {port} of this machine cannot be used"):
            serve(SweepHome(tmp_path), port)
