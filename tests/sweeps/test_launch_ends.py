"""How a launch or a resume ends that came to no trial, without Ray."""

from __future__ import annotations

import signal

import pytest
from spec_samples import toy_tree
from test_books import Quiet

from sweeps import launch as module
from sweeps.home import SweepHome
from sweeps.spec import SweepSpec

SPEC = SweepSpec.parse(toy_tree())


@pytest.fixture
def home(tmp_path):
    return SweepHome(tmp_path)


def test_sigterm_before_there_are_books_leaves_no_folder(home, monkeypatch):
    def killed(*arguments):
        assert not home.sweep("toy").path.exists()
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(module, "new_record", killed)
    with pytest.raises(KeyboardInterrupt):
        module.launch(SPEC, home, Quiet())
    assert not home.sweep("toy").path.exists()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
