"""A Ray that does not start is one sentence with a way out. Ray itself is not started."""

from __future__ import annotations

import pytest
import ray

from sweeps.base.errors import LaunchError
from sweeps.cluster.ray_session import _connect

SLOW = (
    "The current node timed out during startup. This could happen because some of the raylet "
    "failed to startup or the GCS has become overloaded."
)


@pytest.mark.parametrize(
    ("error", "address", "said"),
    [
        (
            Exception(SLOW),
            "local",
            "Ray did not start: The current node timed out during startup; this machine may be "
            "overloaded: run the command again when it is less busy",
        ),
        (
            ConnectionError("Could not reach it."),
            "10.0.0.1:6379",
            "Ray did not start at 10.0.0.1:6379: Could not reach it; if the cluster requires a "
            "token, set RAY_AUTH_MODE=token and put its token into ~/.ray/auth_token",
        ),
    ],
)
def test_a_ray_that_does_not_start_is_told_in_one_sentence(monkeypatch, error, address, said):
    def init(**options):
        raise error

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(LaunchError) as refused:
        _connect(address)
    assert str(refused.value) == said
