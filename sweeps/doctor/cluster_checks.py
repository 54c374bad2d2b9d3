"""Checks of a cluster file: safety, completeness and price. Pure but for checks of the local files
in it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from results.records.uris import redact
from sweeps.preflight.finding import Finding, from_problem, note, ok, wrong
from sweeps.remote.cluster_file import (
    TYPE_FIELD,
    ClusterFile,
    Kind,
    Tree,
    least_workers,
    listed,
    mapping,
    problems,
)
from sweeps.spec.settings import SlotsSettings

_SSH = 22
_TOKEN = re.compile(r"RAY_AUTH_MODE=[\"']?token\b")
_TOKEN_FILE = re.compile(r"RAY_AUTH_TOKEN(_PATH)?=")
_EVERYWHERE = re.compile(r"--dashboard-host[= ][\"']?(0\.0\.0\.0|::)")
_SHARED = re.compile(r"\bmount(point|\.\w+)?\b|\b(s3fs|sshfs|gcsfuse|goofys)\b|\s-v\s|--volume")
_TYPES: Mapping[str, re.Pattern[str]] = {
    "aws": re.compile(r"[a-z][a-z0-9-]*\d[a-z0-9-]*\.(nano|micro|small|medium|metal.*|\d*x?large)"),
    "gcp": re.compile(r"[a-z]\d+[a-z]?-[a-z0-9]+(-\d+)?(-\w+)*"),
}
"""Patterns of machine type names; only the provider knows the existing ones."""

_CLOUDS = frozenset({"aws", "gcp", "azure", "aliyun", "vsphere"})
_DOCS = "see docs/cluster.md"


def check_cluster_file(file: ClusterFile, storage: str | None = None) -> list[Finding]:
    """All findings about a cluster file.

    `storage` is the storage URI of the sweep to run there, if it has one.
    """
    mistakes = [from_problem("cluster file", problem) for problem in problems(file)]
    if not mistakes:
        mistakes = [ok("cluster file", f"{file.path} is valid according to Ray's schema")]
    return [
        *mistakes,
        check_token(file),
        *check_token_file(file),
        *check_ports(file),
        check_sharing(file, storage),
        *check_head(file),
        *check_instance_types(file),
        *check_mounts(file),
        *check_prices(file),
    ]


def check_token(file: ClusterFile) -> Finding:
    """Token authentication: Ray's ports listen on all interfaces and run any code sent."""
    kinds: list[Kind] = ["head", "worker"] if file.most_workers else ["head"]
    without = [kind for kind in kinds if not _TOKEN.search(file.commands(kind))]
    if not without:
        return ok("cluster token", "every node requires the token")
    message = f"RAY_AUTH_MODE=token is not set on the {' and the '.join(without)}"
    remedy = f"put `export RAY_AUTH_MODE=token` before `ray start`; {_DOCS}"
    reached = _reachable(file)
    if not reached:
        message += (
            ": anyone who reaches one of Ray's ports can run code; only a firewall prevents it"
        )
        return note("cluster token", message, remedy)
    return wrong("cluster token", f"{message}, and {'; '.join(reached)}", remedy)


def check_token_file(file: ClusterFile) -> Iterator[Finding]:
    """Whether the nodes get a token, unreadable for other users of this machine."""
    if not _TOKEN.search(file.commands("head")):
        return
    mounts = _mounts(file)
    sources = [source for target, source in mounts.items() if target.endswith("auth_token")]
    if not sources and not _TOKEN_FILE.search(file.commands("head")):
        remedy = "add ~/.ray/auth_token: ~/.ray/auth_token to file_mounts"
        yield wrong("cluster token", "no node gets the token, so Ray will not start", remedy)
    for source in sources:
        path = Path(source).expanduser()
        if not path.is_file():
            remedy = "create it with (umask 077; ray get-auth-token --generate)"
            yield wrong("cluster token", f"{source} does not exist", remedy)
        elif path.stat().st_mode & 0o077:
            message = f"{source} is readable by other users of this machine"
            yield wrong("cluster token", message, f"chmod 600 {source}")


def check_ports(file: ClusterFile) -> Iterator[Finding]:
    """Ports other than ssh that are open to the outside."""
    opened = _opened(file)
    for ports in opened:
        remedy = "remove the rule, and use an ssh tunnel"
        yield wrong("cluster ports", f"the security group opens {ports} to everyone", remedy)
    if _EVERYWHERE.search("\n".join(file.starts("head"))):
        remedy = "set --dashboard-host=127.0.0.1, and use an ssh tunnel"
        yield note("cluster ports", "the dashboard listens on all interfaces", remedy)
    if not opened and file.kind == "aws":
        yield ok("cluster ports", "the security group allows only ssh from outside")
    elif not opened:
        message = "access to Ray's ports depends on a firewall outside this file"
        yield note("cluster ports", message, "allow only ssh")


def check_sharing(file: ClusterFile, storage: str | None) -> Finding:
    """Access of all nodes to the sweep home or the sweep's storage."""
    if storage is not None and not storage.startswith(("/", "file:")):
        return ok("cluster storage", f"the sweep's folder is on {redact(storage)}")
    if not file.most_workers:
        return ok("cluster storage", "no shared folder needed without workers")
    if _SHARED.search(file.commands("worker")):
        return ok("cluster storage", "the workers mount a folder")
    message = "the workers mount no folder, but every node needs the sweep home at the same path"
    remedy = "set storage.uri in the sweep file, or mount a shared folder in "
    remedy += f"worker_start_ray_commands; {_DOCS}"
    found = wrong if file.kind in _CLOUDS else note
    return found("cluster storage", message, remedy)


def check_head(file: ClusterFile) -> Iterator[Finding]:
    """The head node: not a spot instance, and reserved for the sweep drivers."""
    config = file.head.get("node_config")
    if re.search(r"spot|'preemptible': True", str(config), re.IGNORECASE):
        message = "the head is a spot instance: its loss ends all sweeps"
        yield wrong("cluster head", message, "remove the spot option from its node_config")
    starts = "\n".join(file.starts("head"))
    cpus = mapping(file.head.get("resources")).get("CPU")
    if cpus != 0 and not re.search(r"--num-cpus[= ]0\b", starts):
        message = "trials may run on the head and take cores from the drivers"
        yield note("cluster head", message, "set resources: {CPU: 0} to keep them off")


def check_instance_types(file: ClusterFile) -> Iterator[Finding]:
    """Machine types with unusual names."""
    field, pattern = TYPE_FIELD.get(file.kind), _TYPES.get(file.kind)
    for name, each in file.node_types.items():
        kind = mapping(each.get("node_config")).get(field) if field else None
        if pattern and isinstance(kind, str) and not pattern.fullmatch(kind):
            message = f"{name}: {kind} does not look like a machine type of {file.kind}"
            yield note("cluster machines", message, "check the provider's machine types")


def check_growth(file: ClusterFile, slots: SlotsSettings) -> Iterator[Finding]:
    """Whether a sweep waits for workers that join later."""
    least = least_workers(file.worker_types.values())
    if file.worker_types and file.most_workers and not least and slots.max is None:
        message = "the cluster starts without workers, and slots.count uses only existing ones"
        yield note("cluster slots", message, f"set slots: {{max: {file.most_workers}, gpus: 1}}")


def check_mounts(file: ClusterFile) -> Iterator[Finding]:
    """Files and folders missing for `ray up`, relative to the current folder."""
    for target, source in _mounts(file).items():
        if not target.endswith("auth_token") and not Path(source).expanduser().exists():
            message = f"file_mounts: {source} does not exist in {Path.cwd()}"
            yield wrong(
                "cluster files", message, "start in the folder that the path is relative to"
            )


def check_prices(file: ClusterFile) -> Iterator[Finding]:
    """The hourly cost, from the comments in the file."""
    if not file.node_types:
        return
    unknown = [name for name in file.node_types if name not in file.prices]
    if unknown:
        message = f"no price known for {', '.join(unknown)}"
        yield note("cluster price", message, "add `# price: 1.006` (per hour) to the node type")
        return
    idle = file.prices.get(str(file.tree.get("head_node_type")), 0.0)
    dearest = max((file.prices[name] for name in file.worker_types), default=0.0)
    busy = idle + dearest * file.most_workers
    yield ok(
        "cluster price",
        f"{idle:.2f} per hour without workers, at most {busy:.2f} with {file.most_workers}, from "
        "the comments in the file; without disks and traffic",
    )


def _reachable(file: ClusterFile) -> list[str]:
    """The reason that Ray's ports may be open to the outside."""
    reasons = [f"the security group opens {ports} to everyone" for ports in _opened(file)]
    if _EVERYWHERE.search("\n".join(file.starts("head"))):
        reasons.append("the dashboard listens on all interfaces")
    if file.kind == "local":
        reasons.append("Ray's ports are open to others in your network")
    return reasons


def _opened(file: ClusterFile) -> list[str]:
    group = mapping(file.provider.get("security_group"))
    rules = map(mapping, listed(group.get("IpPermissions")))
    return [_ports(rule) for rule in rules if _is_open(rule)]


def _is_open(rule: Tree) -> bool:
    if str(rule.get("IpProtocol")).startswith("icmp"):
        return False
    ranges = [mapping(each).get("CidrIp") for each in listed(rule.get("IpRanges"))]
    ranges += [mapping(each).get("CidrIpv6") for each in listed(rule.get("Ipv6Ranges"))]
    only_ssh = rule.get("FromPort") == rule.get("ToPort") == _SSH
    return not only_ssh and any(map(_is_everybody, ranges))


def _is_everybody(cidr: object) -> bool:
    try:
        network = ipaddress.ip_network(str(cidr), strict=False)
    except ValueError:
        return False
    # ipaddress calls the range of all addresses private, since its first and last are.
    return network.prefixlen == 0 or (not network.is_private and network.num_addresses > 2**16)


def _ports(rule: Tree) -> str:
    first, last = rule.get("FromPort", -1), rule.get("ToPort", -1)
    if first == -1 or str(rule.get("IpProtocol")) == "-1":
        return "all ports"
    return f"port {first}" if first == last else f"ports {first} to {last}"


def _mounts(file: ClusterFile) -> dict[str, str]:
    return {str(k): str(v) for k, v in mapping(file.tree.get("file_mounts")).items()}
