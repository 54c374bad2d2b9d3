"""Proxies of a company's network, which must not stand between the processes of a sweep."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from sweeps.base.process_state import environment_kept

PROXIES = ("http_proxy", "https_proxy", "all_proxy")
EXCEPT = ("no_proxy", "NO_PROXY")
"""Both spellings: requests and Python read the first one that is set, gRPC and Go either."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def proxies(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The proxy variables that are set, in both cases."""
    names = (name for each in PROXIES for name in (each, each.upper()))
    return {name: environment[name] for name in names if environment.get(name)}


@contextmanager
def direct(hosts: Iterable[str] = ()) -> Iterator[None]:
    """Reach this machine and the `hosts` without a proxy while the block runs, in this process and
    those that it starts. Does nothing without proxies."""
    with environment_kept(*EXCEPT):
        spare((*_this_machine(), *hosts))
        yield


def spare(hosts: Iterable[str]) -> None:
    """Add hosts to those that no proxy is used for, within `direct`."""
    if not proxies():
        return
    known = [each for name in EXCEPT for each in os.environ.get(name, "").split(",")]
    wanted = dict.fromkeys(each.strip() for each in (*known, *hosts) if each.strip())
    for name in EXCEPT:
        os.environ[name] = ",".join(wanted)


def host_of(address: str) -> str:
    """The host in HOST:PORT, http://HOST:PORT or ray://HOST:PORT."""
    place = address.partition("://")[2] or address
    place = place.partition("/")[0].rpartition("@")[2]
    host, colon, port = place.rpartition(":")
    return (host if colon and port.isdigit() else place).strip("[]")


def _this_machine() -> tuple[str, ...]:
    name = socket.gethostname()
    address = ""
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; finds this machine's own address
        address = probe.getsockname()[0]
    return (*LOOPBACK, name, *([address] if address else []))
