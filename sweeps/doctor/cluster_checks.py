"""Whether a cluster as its file describes it would be safe, whole and worth its price. Pure but for
a look at the local files that it names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from results.records.uris import redact
from sweeps.doctor.finding import Finding, from_problem, note, ok, wrong
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
"""How the names of machine types are built; which there are only the provider knows."""

_CLOUDS = frozenset({"aws", "gcp", "azure", "aliyun", "vsphere"})
_DOCS = "see docs/cluster.md"


def check_cluster_file(file: ClusterFile, storage: str | None = None) -> list[Finding]:
    """All findings about a cluster file; those of what it does only where it is well formed.

    `storage` is the URI of the sweep that is to run there, if it names one.
    """
    mistakes = [from_problem("cluster file", problem) for problem in problems(file)]
    if not mistakes:
        mistakes = [ok("cluster file", f"{file.path} is valid by Ray's schema")]
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
    """Ray's ports listen on all interfaces, and without a token run what anybody sends them."""
    kinds: list[Kind] = ["head", "worker"] if file.most_workers else ["head"]
    without = [kind for kind in kinds if not _TOKEN.search(file.commands(kind))]
    if not without:
        return ok("cluster token", "every node asks for the token")
    message = f"RAY_AUTH_MODE=token is not set on the {' and the '.join(without)}"
    remedy = f"put `export RAY_AUTH_MODE=token` before `ray start`; {_DOCS}"
    reached = _reachable(file)
    if not reached:
        message += (
            ": whoever reaches a port of Ray's can run code, and only the firewall is before it"
        )
        return note("cluster token", message, remedy)
    return wrong("cluster token", f"{message}, and {'; '.join(reached)}", remedy)


def check_token_file(file: ClusterFile) -> Iterator[Finding]:
    """Whether the nodes get a token, and nobody else on this machine."""
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
            remedy = "(umask 077; ray get-auth-token --generate) makes one"
            yield wrong("cluster token", f"there is no {source}", remedy)
        elif path.stat().st_mode & 0o077:
            message = f"{source} can be read by other users of this machine"
            yield wrong("cluster token", message, f"chmod 600 {source}")


def check_ports(file: ClusterFile) -> Iterator[Finding]:
    """What else than ssh is reached from outside."""
    opened = _opened(file)
    for ports in opened:
        remedy = "remove the rule, and tunnel over ssh"
        yield wrong("cluster ports", f"the security group opens {ports} to everybody", remedy)
    if _EVERYWHERE.search("\n".join(file.starts("head"))):
        remedy = "--dashboard-host=127.0.0.1, and tunnel over ssh"
        yield note("cluster ports", "the dashboard listens on all interfaces", remedy)
    if not opened and file.kind == "aws":
        yield ok("cluster ports", "the security group lets in ssh, and nothing else from outside")
    elif not opened:
        message = "what reaches Ray's ports is decided by a firewall that this file does not show"
        yield note("cluster ports", message, "let in ssh only")


def check_sharing(file: ClusterFile, storage: str | None) -> Finding:
    """Slots on other nodes read and write the sweep home, or the sweep's storage."""
    if storage is not None and not storage.startswith(("/", "file:")):
        return ok("cluster storage", f"the sweep's folder is on {redact(storage)}")
    if not file.most_workers:
        return ok("cluster storage", "there are no workers that would need a folder in common")
    if _SHARED.search(file.commands("worker")):
        return ok("cluster storage", "the workers mount a folder")
    message = "the workers mount nothing, and every node must see the sweep home at the same path"
    remedy = "name storage.uri in the sweep file, or mount a shared folder in "
    remedy += f"worker_start_ray_commands; {_DOCS}"
    found = wrong if file.kind in _CLOUDS else note
    return found("cluster storage", message, remedy)


def check_head(file: ClusterFile) -> Iterator[Finding]:
    """The head holds what a sweep cannot lose, and should hold nothing else."""
    config = file.head.get("node_config")
    if re.search(r"spot|'preemptible': True", str(config), re.IGNORECASE):
        message = "the head is on spot: when it goes, all sweeps end"
        yield wrong("cluster head", message, "remove what asks for spot from its node_config")
    starts = "\n".join(file.starts("head"))
    cpus = mapping(file.head.get("resources")).get("CPU")
    if cpus != 0 and not re.search(r"--num-cpus[= ]0\b", starts):
        message = "trials may run on the head, and take its cores from the drivers"
        yield note("cluster head", message, "resources: {CPU: 0} keeps them off")


def check_instance_types(file: ClusterFile) -> Iterator[Finding]:
    """Machine types that do not look like any."""
    field, pattern = TYPE_FIELD.get(file.kind), _TYPES.get(file.kind)
    for name, each in file.node_types.items():
        kind = mapping(each.get("node_config")).get(field) if field else None
        if pattern and isinstance(kind, str) and not pattern.fullmatch(kind):
            message = f"{name}: {kind} does not look like a machine type of {file.kind}"
            yield note("cluster machines", message, "look it up at the provider")


def check_growth(file: ClusterFile, slots: SlotsSettings) -> Iterator[Finding]:
    """Whether a sweep would wait for workers that are still to come."""
    least = least_workers(file.worker_types.values())
    if file.worker_types and file.most_workers and not least and slots.max is None:
        message = "the cluster begins without workers, and slots.count takes only what is there"
        yield note("cluster slots", message, f"slots: {{max: {file.most_workers}, gpus: 1}}")


def check_mounts(file: ClusterFile) -> Iterator[Finding]:
    """Files and folders that `ray up` would not find; it starts from the current folder."""
    for target, source in _mounts(file).items():
        if not target.endswith("auth_token") and not Path(source).expanduser().exists():
            message = f"file_mounts: there is no {source} in {Path.cwd()}"
            yield wrong("cluster files", message, "start in the folder that it is relative to")


def check_prices(file: ClusterFile) -> Iterator[Finding]:
    """What it costs an hour, by the comments in the file."""
    if not file.node_types:
        return
    unknown = [name for name in file.node_types if name not in file.prices]
    if unknown:
        message = f"no price is known of {', '.join(unknown)}"
        yield note("cluster price", message, "write `# price: 1.006` (an hour) into the node type")
        return
    idle = file.prices.get(str(file.tree.get("head_node_type")), 0.0)
    dearest = max((file.prices[name] for name in file.worker_types), default=0.0)
    busy = idle + dearest * file.most_workers
    yield ok(
        "cluster price",
        f"{idle:.2f} an hour without workers, at most {busy:.2f} with {file.most_workers}, by the "
        "comments in the file; disks and traffic come on top",
    )


def _reachable(file: ClusterFile) -> list[str]:
    """Why somebody outside of the cluster may reach Ray's ports."""
    reasons = [f"the security group opens {ports} to everybody" for ports in _opened(file)]
    if _EVERYWHERE.search("\n".join(file.starts("head"))):
        reasons.append("the dashboard listens on all interfaces")
    if file.kind == "local":
        reasons.append("nothing here keeps others in your network from Ray's ports")
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
    # All addresses together count as private to ipaddress, since their first and last are.
    return network.prefixlen == 0 or (not network.is_private and network.num_addresses > 2**16)


def _ports(rule: Tree) -> str:
    first, last = rule.get("FromPort", -1), rule.get("ToPort", -1)
    if first == -1 or str(rule.get("IpProtocol")) == "-1":
        return "all ports"
    return f"port {first}" if first == last else f"ports {first} to {last}"


def _mounts(file: ClusterFile) -> dict[str, str]:
    return {str(k): str(v) for k, v in mapping(file.tree.get("file_mounts")).items()}
