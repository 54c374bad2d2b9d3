"""The Ray connection of a sweep. The only `ray.init`."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext

from sweeps.base.errors import LaunchError
from sweeps.base.process_state import environment_kept, logger_kept, replaced
from sweeps.base.proxies import direct, host_of, proxies, spare
from sweeps.cluster.lone_ray import lone, shut_down
from sweeps.cluster.ray_folder import remark, short_folder

ON_HEAD = {"node:__internal_head__": 0.001}
"""Resources of a thin trial client: a place on the head node, and none of the slots' cores."""

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
    # Our own records replace Tune's result files, and our own table its output.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Our own handler tells trials ended by Ctrl-C from those stopped by a scheduler.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    # Ray's default of 15 leaves a slot a thirtieth of a contested core.
    "RAY_worker_niceness": "0",
    # Boards, clients and slots' drivers need no cores; Ray would warn about their number.
    "RAY_worker_maximum_startup_concurrency": "16",
}
"""Environment variables that Ray reads."""

_RAYS_OWN = ("RAY_", "TUNE_", "PYTHONBREAKPOINT")
"""Prefixes of environment variables set by us for Ray, or by Ray itself."""

_LOCAL = "local"
_TOKEN_HINT = (
    "; if the cluster requires a token, set RAY_AUTH_MODE=token and put its token into "
    "~/.ray/auth_token"
)
_PATIENCE = 10.0  # seconds


@contextmanager
def cluster(address: str | None) -> Iterator[bool]:
    """Connect to Ray while the block runs; LaunchError if that fails.

    Yields whether this Ray ends with the block.

    `address`, else $RAY_ADDRESS, names a cluster; without either, a temporary one starts here. An
    existing connection of this process is used and kept. Process-wide state is restored
    afterwards, even if the start fails.
    """
    import ray

    ours = not ray.is_initialized()
    where = _named(address)
    with ExitStack() as kept:
        kept.enter_context(environment_kept(*_RAYS_OWN))
        kept.enter_context(logger_kept("ray"))
        os.environ.update(SETTINGS)
        kept.enter_context(_keys_kept_out_of_logs())
        kept.enter_context(_trials_kept_out_of_tunes_state())
        kept.enter_context(_raylets_kept_out_of_the_terminal())
        kept.enter_context(direct(() if where == _LOCAL else [host_of(where)]))
        if ours:
            check_reachable(where)
            kept.enter_context(_kept_to_loopback(where == _LOCAL))
            if where == _LOCAL and (folder := short_folder()):
                os.environ["RAY_TMPDIR"] = str(folder)
            # Also after an interrupted start.
            kept.callback(shut_down if where == _LOCAL else ray.shutdown)
            _connect(where)
        if proxies():
            spare(node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"])
        yield ours and where == _LOCAL


def head_address() -> str:
    """`HOST:PORT` of the head process (GCS) of the Ray that this process is connected to."""
    import ray

    return str(ray.get_runtime_context().gcs_address)


def check_reachable(address: str | None) -> None:
    """LaunchError if nothing listens at the address that `cluster` would use. Ray itself would
    retry for many minutes."""
    import ray

    where = _named(address)
    if not ray.is_initialized():
        _refuse_if_silent(where)


def room_here(address: str | None) -> dict[str, float] | None:
    """The "CPU" and "GPU" of the Ray that `cluster` would start on this machine, as Ray counts
    them; None if it would use another one."""
    import ray
    from ray._private.resource_and_label_spec import ResourceAndLabelSpec

    if ray.is_initialized() or _named(address) != _LOCAL:
        return None
    here = ResourceAndLabelSpec().resolve(is_head=True)
    return {"CPU": float(here.num_cpus), "GPU": float(here.num_gpus)}


def _named(address: str | None) -> str:
    return address or os.environ.get("RAY_ADDRESS") or _LOCAL


def _refuse_if_silent(address: str) -> None:
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return  # "auto", "local", or an address for Ray to check
    try:
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()
    except OSError as error:
        raise LaunchError(
            f"no Ray cluster answers at {address} ({error}); check it with `ray status` on its "
            "head node; --address must be HOST:6379 or ray://HOST:10001"
        ) from error


def remarks(address: str | None) -> list[str]:
    """Sentences on where the Ray that `cluster` would start has to deviate from the environment."""
    import ray

    return remark() if not ray.is_initialized() and _named(address) == _LOCAL else []


@contextmanager
def _keys_kept_out_of_logs() -> Iterator[None]:
    """Keep Tune from passing AWS keys to each trial's process, which Ray would log.

    Our trial process is a thin client of a slot, without access to storage.
    """
    from ray.tune.execution import class_cache

    passed = class_cache.ENV_VARS_TO_PROPAGATE
    others = {name for name in passed if not name.startswith("AWS_")}
    with replaced(class_cache, "ENV_VARS_TO_PROPAGATE", others):
        yield


@contextmanager
def _trials_kept_out_of_tunes_state() -> Iterator[None]:
    """Keep Tune from writing all trials to its own state again and again, megabytes after thousands
    of trials. A sweep resumes from its records; Ray has no setting for it.
    """
    from ray.tune.execution.tune_controller import TuneController

    with replaced(TuneController, "_mark_trial_to_checkpoint", lambda self, trial: None):
        yield


@contextmanager
def _raylets_kept_out_of_the_terminal() -> Iterator[None]:
    """Hide a raylet's messages about its own or its node's loss: pages that would tear the table
    and that are in Ray's logs anyway. Ray has no setting for it.
    """
    from ray._private import worker

    with replaced(worker, "print_to_stdstream", lambda *arguments, **options: None):
        yield


@contextmanager
def _kept_to_loopback(wanted: bool) -> Iterator[None]:
    """If `wanted`, have the processes of a Ray started here listen on loopback only.

    Ray's own default only on machines that it expects to stay alone, such as a Mac; elsewhere its
    ports are open to the whole network. The constant is for this process, where Ray may already be
    imported; the variable is for child processes.
    """
    from ray._private import ray_constants

    with replaced(ray_constants, "ENABLE_RAY_CLUSTER", not wanted):
        os.environ[ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR] = "0" if wanted else "1"
        yield


def _connect(address: str) -> None:
    import ray

    options: dict[str, object] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == _LOCAL:
        options |= {"include_dashboard": False, "object_store_memory": 2 * 10**8}
    try:
        with lone() if address == _LOCAL else nullcontext():
            ray.init(address=address, **options)
    except ray.exceptions.AuthenticationError as error:
        reason = str(error).strip().splitlines()[0]
        raise LaunchError(f"Ray did not start at {address}: {reason}") from error
    except SystemExit:  # Ray's response to SIGTERM during its start
        raise KeyboardInterrupt from None
    except (OSError, RuntimeError, ValueError) as error:
        where = "this machine" if address == _LOCAL else address
        hint = _TOKEN_HINT if isinstance(error, ConnectionError) and address != _LOCAL else ""
        raise LaunchError(f"Ray did not start at {where}: {_plain(error)}{hint}") from error
    except Exception as error:
        if type(error) is not Exception:  # Ray's error for a node that takes too long
            raise
        raise LaunchError(_too_slow(error)) from error


def _plain(error: Exception) -> str:
    """Ray's error, to be followed by a clause of ours."""
    return str(error).strip().rstrip(".")


def _too_slow(error: Exception) -> str:
    """That a node took too long to start, by the first sentence of Ray's error."""
    reason = _plain(error).partition(". ")[0]
    return (
        f"Ray did not start: {reason}; this machine may be overloaded: run the command again when "
        "it is less busy"
    )
