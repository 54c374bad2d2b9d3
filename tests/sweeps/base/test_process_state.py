"""A process that launches a sweep is afterwards as it was: a notebook goes on in it."""

from __future__ import annotations

import gc
import logging
import os
import random
import signal
import warnings
import weakref

import numpy as np
import optuna
import pytest
import torch
from ray.tune.execution import class_cache
from spec_samples import toy_tree

from results.mlflow.tracking import Tracker, TrackingError
from sweeps import Sweep
from sweeps.base.errors import LaunchError, SweepError
from sweeps.base.interruption import interruptible
from sweeps.base.process_state import garbage_looked_for_less, random_state_kept
from sweeps.base.quiet import quiet
from sweeps.base.view import View
from sweeps.cluster.ray_session import SETTINGS, cluster
from sweeps.home.home import SweepHome


@pytest.fixture
def bare(monkeypatch):
    """An environment in which no sweep was launched yet."""
    for name in list(os.environ):
        if name in SETTINGS or name.startswith(("MLFLOW_", "RAY_", "TUNE_", "DO_NOT_TRACK")):
            monkeypatch.delenv(name)


@pytest.fixture
def levels():
    """Loggers as a user has set them, who wants to see everything."""
    names = ("ray", "mlflow", "alembic", "mlflow.store.db.utils")
    before = {name: logging.getLogger(name).level for name in names}
    verbosity = optuna.logging.get_verbosity()
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    optuna.logging.set_verbosity(optuna.logging.DEBUG)

    def now():
        return {logging.getLogger(name).level for name in (*names, "optuna")}

    yield now
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)
    optuna.logging.set_verbosity(verbosity)


def no_database(tmp_path):
    (tmp_path / "no").write_text("a file where a folder would have to be")
    return f"sqlite:///{tmp_path}/no/mlflow.db"


def test_a_launch_that_is_refused_leaves_environment_and_loggers_alone(bare, levels, tmp_path):
    before = dict(os.environ)
    sweep = Sweep.from_dict(toy_tree(tracking={"uri": no_database(tmp_path)}))
    for _ in range(2):
        with pytest.raises(SweepError, match=r"tracking\.uri"):
            sweep.launch(tmp_path, view=View())
        assert dict(os.environ) == before
        assert levels() == {logging.DEBUG}
    assert not SweepHome(tmp_path).sweep("toy").path.exists()


def test_a_ray_that_does_not_start_leaves_the_process_as_it_was(bare, levels, monkeypatch):
    def init(**options):
        os.environ["RAY_AUTH_MODE"] = "token"  # as Ray does
        logging.getLogger("ray").setLevel(options["logging_level"])
        raise RuntimeError("no")

    from ray._private import ray_constants, worker

    def state():
        ours = ray_constants.ENABLE_RAY_CLUSTER, worker.print_to_stdstream
        return dict(os.environ), set(class_cache.ENV_VARS_TO_PROPAGATE), ours

    before = state()
    assert "AWS_ACCESS_KEY_ID" in before[1]
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    monkeypatch.setattr("ray.shutdown", lambda: None)
    monkeypatch.setattr("ray.init", init)
    with pytest.raises(LaunchError, match="no"), cluster(None):
        pass
    assert state() == before
    assert levels() == {logging.DEBUG}


def test_mlflows_loggers_are_quiet_only_while_it_is_asked(levels, tmp_path):
    with pytest.raises(TrackingError):
        Tracker(no_database(tmp_path), "e")
    assert levels() == {logging.DEBUG}


def test_what_the_user_does_not_want_to_hear_stays_unheard():
    logging.disable(logging.CRITICAL)
    try:
        with quiet():
            assert logging.root.manager.disable == logging.CRITICAL
        assert logging.root.manager.disable == logging.CRITICAL
    finally:
        logging.disable(logging.NOTSET)
    with pytest.raises(ValueError), quiet():
        warnings.warn("of a library", stacklevel=1)
        raise ValueError
    assert logging.root.manager.disable == logging.NOTSET


def test_a_signal_handler_that_is_none_of_pythons_is_no_error(monkeypatch):
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    with interruptible():
        pass
    for number, handler in before.items():
        signal.signal(number, handler)


def test_who_draws_at_random_goes_on_as_if_nobody_else_had():
    def draws():
        return random.random(), np.random.rand(), torch.rand(1).item()

    def seed():
        random.seed(1), np.random.seed(1), torch.manual_seed(1)

    seed()
    expected = draws()
    seed()
    with random_state_kept():
        draws()
    assert draws() == expected


def test_garbage_is_looked_for_as_before_once_a_search_has_ended():
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with pytest.raises(KeyError), garbage_looked_for_less():
        assert gc.get_threshold()[0] > before[0]
        raise KeyError
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() <= frozen, "those that a library froze may be freed meanwhile"


def test_garbage_of_a_search_is_found():
    class Ring:
        """Refers to itself."""

    found = []
    with garbage_looked_for_less():
        ring = Ring()
        ring.itself = ring
        weakref.finalize(ring, found.append, 1)
        del ring
        fill = [[number] for number in range(50_000)]
    assert fill and found == [1]
