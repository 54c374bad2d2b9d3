"""A spot node's watcher: Ray drains the node when the cloud announces its reclaim.

`python -m sweeps.spot aws` (or `gcp`) runs in the background of a node's start commands. It ends
with the raylet, so each start of Ray starts its own; a second one beside it does nothing.
"""

from __future__ import annotations

import argparse
import json
import logging
import socket
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from typing import Protocol
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import psutil

log = logging.getLogger("sweeps.spot")

LOOK_EVERY = 2.0
"""Seconds between two requests: Google warns half a minute before."""

_TIMEOUT = 5.0  # seconds
_HICCUPS = (OSError, HTTPException, ValueError, KeyError, TypeError, RuntimeError)
_DIRECTLY = build_opener(ProxyHandler({}))  # no proxy reaches this machine's metadata


class Cloud(Protocol):
    """A cloud's metadata service, which announces the reclaim of this machine."""

    def deadline(self) -> float | None:
        """Time of the reclaim (seconds since 1970); None if none is announced.

        Raises one of _HICCUPS if there is no valid answer.
        """


class Aws:
    """EC2's metadata service, version 2: a warning comes about two minutes before."""

    def __init__(self, url: str = "http://169.254.169.254") -> None:
        self._url = f"{url}/latest"
        self._token: str | None = None

    def deadline(self) -> float | None:
        """The time of the scheduled instance action of any kind."""
        if self._token is None:
            ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "21600"}
            self._token = _ask(Request(f"{self._url}/api/token", headers=ttl, method="PUT"))
        headers = {"X-aws-ec2-metadata-token": self._token}
        try:
            action = _ask(Request(f"{self._url}/meta-data/spot/instance-action", headers=headers))
        except HTTPError as error:
            if error.code == 404:
                return None
            self._token = None  # it may have expired
            raise
        return datetime.fromisoformat(json.loads(action)["time"]).timestamp()


class Gcp:
    """Compute Engine's metadata server: a warning comes half a minute before."""

    _WARNING = 30.0  # seconds

    def __init__(self, url: str = "http://metadata.google.internal") -> None:
        self._url = f"{url}/computeMetadata/v1/instance/preempted"

    def deadline(self) -> float | None:
        """Half a minute from now if the machine is being preempted."""
        request = Request(self._url, headers={"Metadata-Flavor": "Google"})
        return time.time() + self._WARNING if _ask(request).strip() == "TRUE" else None


CLOUDS: dict[str, type[Aws] | type[Gcp]] = {"aws": Aws, "gcp": Gcp}


@dataclass(frozen=True)
class Raylet:
    """Ray's process on this machine: its node's id and its cluster's address."""

    process: psutil.Process
    node_id: str
    address: str

    def runs(self) -> bool:
        """Whether it has not ended."""
        try:
            ended = self.process.status() == psutil.STATUS_ZOMBIE
            return bool(self.process.is_running()) and not ended
        except psutil.NoSuchProcess:
            return False


def raylets() -> list[Raylet]:
    """All raylets on this machine, by their command lines."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "raylet":
            pairs = (argument.partition("=") for argument in process.info["cmdline"] or ())
            options = {name: value for name, _, value in pairs}
            if {"--node_id", "--gcs-address"} <= options.keys():
                found.append(Raylet(process, options["--node_id"], options["--gcs-address"]))
    return [raylet for raylet in found if raylet.runs()]


def watch(cloud: Cloud, raylet: Raylet, every: float = LOOK_EVERY) -> bool:
    """Poll until the node is drained (True) or its raylet has ended (False).

    Errors are logged, repeated ones once, and retried.
    """
    trouble, deadline = "", None
    while raylet.runs():
        try:
            deadline = deadline or cloud.deadline()
            if deadline is not None:
                drain(raylet, deadline)
                return True
            trouble = ""
        except _HICCUPS as error:
            if str(error) != trouble:
                trouble = str(error)
                log.warning("no answer, retrying: %s: %s", type(error).__name__, error)
        time.sleep(every)
    log.info("the raylet has ended")
    return False


def drain(raylet: Raylet, deadline: float) -> None:
    """Have Ray give the node no new work, and announce its deadline to its workers.

    RuntimeError if the cluster does not answer or refuses.
    """
    # Imported only now: it takes memory that trials may need.
    import ray
    from ray.core.generated import autoscaler_pb2
    from ray.exceptions import RpcError

    reason = autoscaler_pb2.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
    milliseconds = int(1000 * deadline)
    try:
        accepted, why = ray._raylet.GcsClient(address=raylet.address).drain_node(
            raylet.node_id, reason, "the cloud is reclaiming this node", milliseconds
        )
    except RpcError as error:
        raise RuntimeError(f"Ray does not answer at {raylet.address}: {error}") from error
    if not accepted:
        raise RuntimeError(f"Ray refused to drain the node: {why}")
    log.info("node drained; the cloud reclaims it in %.0f s", deadline - time.time())


def main(arguments: list[str] | None = None) -> int:
    """The command: 0 when there is nothing left to watch, 2 if there never was."""
    parser = argparse.ArgumentParser("python -m sweeps.spot", description=__doc__)
    parser.add_argument("cloud", choices=sorted(CLOUDS))
    parser.add_argument("--node-id", help="ID of the node, if several run on this machine")
    parser.add_argument("--metadata", metavar="URL", help="metadata server (default: the cloud's)")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    found = [each for each in raylets() if given.node_id in (None, each.node_id)]
    if len(found) != 1:
        log.error(
            "%d raylets run on this machine; start Ray first, or choose one with --node-id",
            len(found),
        )
        return 2
    (raylet,) = found
    kind = CLOUDS[given.cloud]
    with socket.socket(socket.AF_UNIX) as lock:
        try:
            lock.bind(f"\0sweeps.spot/{raylet.node_id}")  # no file: it ends with this process
        except OSError:
            log.info("another process watches node %s", raylet.node_id)
            return 0
        log.info("watching node %s for %s", raylet.node_id, given.cloud)
        watch(kind(given.metadata) if given.metadata else kind(), raylet)
    return 0


def _ask(request: Request) -> str:
    with _DIRECTLY.open(request, timeout=_TIMEOUT) as answer:
        return str(answer.read().decode())


if __name__ == "__main__":
    sys.exit(main())
