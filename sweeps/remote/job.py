"""Runs a `sweep` command on a cluster, as a Ray job on its head node, and follows it from here."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TextIO

import typer

from sweeps.base.errors import LaunchError, SweepError
from sweeps.base.process_state import environment_kept, logger_kept
from sweeps.base.proxies import direct, host_of
from sweeps.cluster.ray_session import ON_HEAD
from sweeps.remote.shipment import SENT

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

DASHBOARD_PORT = 8265
"""The port for job submission, on the head node's loopback."""

HOME = "${SWEEP_HOME:-$HOME/.winnow}"
"""The sweep home on the cluster: the working folders of jobs are temporary."""

_OVERRULING = ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS")
"""Environment variables that Ray would let overrule the address."""

_TALKATIVE = ("ray", "ray.dashboard.modules.job.sdk", "ray.dashboard.modules.dashboard_sdk")
"""Loggers of Ray's client."""

_RAYS_OWN = ("INFO job_manager.py", "Running entrypoint for job ")

_PATIENCE = 60.0
"""Seconds in which a tunnel must come up."""


class DetachedError(KeyboardInterrupt):
    """Ctrl-C while a command runs there; the command continues."""


class ConnectionLostError(SweepError):
    """Connection lost while a command runs there."""


def run(
    client: JobSubmissionClient,
    arguments: Sequence[str],
    sent: Path | None = None,
    say: Callable[[str], object] = typer.echo,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Run `sweep ARGUMENTS` on the head node, and pass on its output; returns the exit code.

    The files in the folder `sent` are copied to a permanent folder on the cluster, where the
    command starts. Ctrl-C leaves the job running and raises DetachedError.
    """
    name = f"sweep-{arguments[0]}-{secrets.token_hex(4)}"
    runtime: dict[str, object] = {"working_dir": str(sent)} if sent else {}
    job = client.submit_job(
        entrypoint=_entrypoint(arguments, name, sent, environment),
        submission_id=name,
        runtime_env=runtime,
        # Drivers stay on the head node, which is never released or reclaimed.
        entrypoint_resources=ON_HEAD,
    )
    try:
        asyncio.run(_follow(client, job, say))
        return _exit_code(client, job)
    except KeyboardInterrupt as error:
        raise DetachedError from error
    except (RuntimeError, OSError) as error:  # errors of Ray's client and of requests
        raise ConnectionLostError(
            f"connection to the cluster lost ({error}); the command continues there"
        ) from error


@contextmanager
def connected(cluster_file: Path | None, address: str | None) -> Iterator[JobSubmissionClient]:
    """A client of the cluster's job server, at `address` or through a tunnel to the head node.

    LaunchError if it cannot be reached.
    """
    with ExitStack() as kept:
        kept.enter_context(environment_kept(*_OVERRULING))
        for name in _TALKATIVE:
            kept.enter_context(logger_kept(name))
        if address is None:
            assert cluster_file is not None, "a cluster is named by its file or its address"
            if not cluster_file.is_file():
                raise LaunchError(f"--cluster: file {cluster_file} does not exist")
            address = f"http://127.0.0.1:{kept.enter_context(_tunnel(cluster_file))}"
        kept.enter_context(direct([host_of(address)]))
        yield _client(address)


def _client(address: str) -> JobSubmissionClient:
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _OVERRULING:
        os.environ.pop(name, None)
    try:
        return JobSubmissionClient(address)
    except (AuthenticationError, ConnectionError, RuntimeError, ValueError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise LaunchError(
            f"no Ray job server answers at {address} ({first_line}); check it with `ray status` on "
            "the head node; for token authentication, put the token into ~/.ray/auth_token and set "
            "RAY_AUTH_MODE=token on this machine"
        ) from error


@contextmanager
def _tunnel(cluster_file: Path) -> Iterator[int]:
    """A port on this machine's loopback that leads to the dashboard; Ray's launcher knows how."""
    port = _free_port()
    command = [sys.executable, "-m", "ray.scripts.scripts", "dashboard", str(cluster_file)]
    command += ["--port", str(port), "--remote-port", str(DASHBOARD_PORT)]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_for(port, process, cluster_file, log)
            yield port
        finally:
            with suppress(ProcessLookupError):  # ssh is its child
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], cluster_file: Path, log: TextIO) -> None:
    until = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), 1)):
            return
        time.sleep(0.2)
    log.seek(0)
    said = [line.strip() for line in log.read().splitlines() if line.strip()]
    raise LaunchError(
        f"{cluster_file}: cannot reach the head node's port {DASHBOARD_PORT} "
        f"({said[-1] if said else 'no answer'}); start the cluster with `ray up {cluster_file}`"
    )


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _entrypoint(
    arguments: Sequence[str], name: str, sent: Path | None, environment: Mapping[str, str]
) -> str:
    command = f"exec sweep {shlex.join(arguments)}"
    # Not in the runtime_env, which the workers of the sweep would get as well.
    lines = [f"export {shlex.quote(key)}={shlex.quote(environment[key])}" for key in environment]
    lines += [f'export SWEEP_HOME="{HOME}"', 'mkdir -p "$SWEEP_HOME"']
    if sent is not None:
        place = f'"$SWEEP_HOME/{SENT}/{name}"'
        lines += [f"mkdir -p {place}", f"cp -r . {place}", f"cd {place}"]
    return " && ".join([*lines, command])


async def _follow(client: JobSubmissionClient, job: str, say: Callable[[str], object]) -> None:
    """Pass on the job's lines, without Ray's own about the job."""
    rest = ""
    async for text in client.tail_job_logs(job):
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            if not any(mark in line for mark in _RAYS_OWN):
                say(line)
    if rest:
        say(rest)


def _exit_code(client: JobSubmissionClient, job: str) -> int:
    """The command's exit code; 1 if it never began."""
    until = time.monotonic() + _PATIENCE
    while not (info := client.get_job_info(job)).status.is_terminal():
        if time.monotonic() > until:
            return 1
        time.sleep(0.2)
    if info.driver_exit_code is None:
        raise LaunchError(f"job {job} did not run: {info.message}")
    return int(info.driver_exit_code)
