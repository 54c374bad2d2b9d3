"""Real hosts on one machine: namespaces with file systems, addresses and ssh servers of their own.

All of it dies with this process.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

NET = "10.233.17"
INIT = Path(__file__).with_name("host_init.sh")
NEEDED = ("unshare", "nsenter", "ip", "sshd", "ssh", "ssh-keygen", "rsync")


def why_not() -> str | None:
    """Why no hosts can be made here; None where they can."""
    search = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [name for name in NEEDED if shutil.which(name, path=search) is None]
    if missing:
        return f"needs {', '.join(missing)} (Debian: openssh-server, rsync, iproute2)"
    if os.geteuid() != 0:
        return "needs root, for network namespaces"
    made = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, text=True)
    return made.stderr.strip() or None


class Host:
    """One host; `pid` is its first process."""

    def __init__(self, name: str, address: str, work: Path, shown: Sequence[str]) -> None:
        self.name, self.address = name, address
        self._mount = work / f"mount-{name}"
        self._mount.mkdir(exist_ok=True)
        self._log = (work / f"{name}.log").open("wb")
        command = ["unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork"]
        command += ["--kill-child=SIGKILL", "--mount-proc", str(INIT)]
        self._process = subprocess.Popen(
            [*command, name, str(self._mount), str(work), *shown],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,
        )
        self.pid = self._first_process()

    def run(self, *command: str, **options) -> subprocess.CompletedProcess:
        """Run a command on the host, not through ssh."""
        options.setdefault("check", True)
        return subprocess.run(self._inside(command), env=_environment(), **options)

    def start(self, *command: str, **options) -> subprocess.Popen:
        """Start a command on the host."""
        return subprocess.Popen(self._inside(command), env=_environment(), **options)

    def net(self, *words: str) -> None:
        """Run `ip` with this machine's programs in the host's network."""
        subprocess.run(["nsenter", "-t", str(self.pid), "-n", "ip", *words], check=True)

    def power_off(self) -> None:
        """All its processes are gone at once."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def _inside(self, command: Sequence[str]) -> list[str]:
        return ["nsenter", "-t", str(self.pid), "-a", "-r", "-w", *command]

    def _first_process(self) -> int:
        """Once it has the host's file system as its own and serves ssh."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        until = time.monotonic() + 120
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            for pid in children.read_text().split():
                if "test_sshd_config" in Path(f"/proc/{pid}/cmdline").read_text():
                    return int(pid)
            time.sleep(0.02)
        raise RuntimeError(f"{self.name} did not come up: {Path(self._log.name).read_text()}")


class Hosts:
    """A client, through which the others are reached, and named hosts that can be switched off."""

    def __init__(self, work: Path, names: Sequence[str], shown: Sequence[str]) -> None:
        self._work, self._shown = work, shown
        work.mkdir(parents=True, exist_ok=True)
        for key in ("host_key", "login"):
            make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]
            subprocess.run([*make, str(work / key)], check=True)
        self.addresses = {name: f"{NET}.{place + 10}" for place, name in enumerate(names)}
        self.addresses["client"] = f"{NET}.1"
        named = "".join(f"{address} {name}\n" for name, address in self.addresses.items())
        (work / "names").write_text(named)
        self.hosts: dict[str, Host] = {}
        self.client = self._made("client")
        self.client.net("link", "add", "bridge0", "type", "bridge")
        self.client.net("addr", "add", f"{NET}.1/24", "dev", "bridge0")
        self.client.net("link", "set", "bridge0", "up")
        for name in names:
            self.boot(name)

    def boot(self, name: str) -> None:
        """Switch a host on, for the first time or again."""
        host = self._made(name)
        link = ("link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0")
        self.client.net(*link, "netns", str(host.pid))
        self.client.net("link", "set", f"to-{name}", "master", "bridge0", "up")
        host.net("addr", "add", f"{host.address}/24", "dev", "eth0")
        host.net("link", "set", "eth0", "up")

    def link(self, name: str, state: str) -> None:
        """Cut a host's cable ("down"), or mend it ("up")."""
        self.client.net("link", "set", f"to-{name}", state)

    def close(self) -> None:
        """Switch all of them off."""
        for host in reversed(self.hosts.values()):
            host.power_off()

    def _made(self, name: str) -> Host:
        host = self.hosts[name] = Host(name, self.addresses[name], self._work, self._shown)
        return host


def _environment() -> dict[str, str]:
    path = f"{sys.prefix}/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"HOME": "/root", "PATH": path, "TERM": "dumb", "RAY_USAGE_STATS_ENABLED": "0"}


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
