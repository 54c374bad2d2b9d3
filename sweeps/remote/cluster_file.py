"""Cluster files of Ray's launcher: reading, and mistakes with their fields. Calls no cloud."""

from __future__ import annotations

import copy
import difflib
import io
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import yaml
from click import ClickException

from search_spaces.dotted import joined
from search_spaces.problem import Problem, did_you_mean
from search_spaces.values import quoted
from sweeps.base.errors import SweepError
from sweeps.base.quiet import quiet
from sweeps.spec.yaml_file import read_yaml

if TYPE_CHECKING:
    from jsonschema import ValidationError

Tree: TypeAlias = Mapping[str, object]
"""A section of the file, with unchecked fields."""

Kind = Literal["head", "worker"]

_NEEDED: Mapping[str, tuple[str, ...]] = {
    "aws": ("region",),
    "gcp": ("region", "availability_zone", "project_id"),
    "local": ("head_ip", "worker_ips"),
}
"""Necessary fields of `provider` that Ray's schema does not require."""

TYPE_FIELD: Mapping[str, str] = {"aws": "InstanceType", "gcp": "machineType"}
"""The field for the machine type in a node type's node_config."""

_SURE = 0.8
"""Minimum similarity of a misspelt `provider` field to a known one; others are the provider's."""

_REFUSALS = (
    AssertionError,
    ClickException,
    ImportError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""Possible errors of Ray's own check of a file."""

_PRICE = re.compile(r"#.*\bprice:\s*(\d+(?:\.\d+)?)")
_PLACEHOLDER = re.compile(r"REPLACE[-_ ]?ME", re.IGNORECASE)


class ClusterFileError(SweepError):
    """A file that is not a cluster file of Ray's launcher, with the reason."""


@dataclass(frozen=True)
class ClusterFile:
    """The file as written."""

    path: Path
    text: str
    tree: Tree

    @classmethod
    def load(cls, path: Path) -> ClusterFile:
        """Read the file; YamlError or ClusterFileError if that fails."""
        if path.is_file() and b"kind: RayCluster" in path.read_bytes():
            raise ClusterFileError(
                f"{path}: Kubernetes resources are not checked here; use "
                f"`kubectl apply --dry-run=server -f {path}`"
            )
        read_yaml(path)
        text = path.read_text(encoding="utf-8-sig")
        # Read again as Ray does: in Ray, off is not text.
        return cls(path, text, yaml.safe_load(text))

    @property
    def provider(self) -> Tree:
        """The section `provider`."""
        return mapping(self.tree.get("provider"))

    @property
    def kind(self) -> str:
        """The provider's type, such as "aws"; empty if there is none."""
        return str(self.provider.get("type", ""))

    @property
    def most_workers(self) -> int:
        """The maximum number of workers, by Ray's rules."""
        default = len(listed(self.provider.get("worker_ips"))) if self.kind == "local" else 2
        most = self.tree.get("max_workers", default)
        return most if isinstance(most, int) else 0

    @property
    def node_types(self) -> dict[str, Tree]:
        """The node types by name; none with the provider `local`."""
        types = mapping(self.tree.get("available_node_types"))
        return {name: mapping(each) for name, each in types.items()}

    @property
    def head(self) -> Tree:
        """The head's node type; empty if there is none."""
        return self.node_types.get(str(self.tree.get("head_node_type")), {})

    @property
    def worker_types(self) -> dict[str, Tree]:
        """The node types of workers."""
        head = self.tree.get("head_node_type")
        return {name: each for name, each in self.node_types.items() if name != head}

    @cached_property
    def prices(self) -> dict[str, float]:
        """Node type -> its price an hour, from a comment `# price: 1.006` within it."""
        lines = self.text.splitlines()
        found = {}
        for name, first, last in _blocks(self.text, "available_node_types"):
            price = _PRICE.search("\n".join(lines[first:last]))
            if price:
                found[name] = float(price[1])
        return found

    def commands(self, kind: Kind) -> str:
        """The commands on such a node and the options of its container, as one text."""
        docker = mapping(self.tree.get("docker"))
        options = [docker.get("run_options"), docker.get(f"{kind}_run_options")]
        keys = ("initialization_commands", "setup_commands", f"{kind}_setup_commands")
        lists = [*options, *(self.tree.get(key) for key in keys), self.starts(kind)]
        if kind == "worker":
            lists += [each.get("worker_setup_commands") for each in self.worker_types.values()]
        return "\n".join(str(command) for each in lists for command in listed(each))

    def starts(self, kind: Kind) -> list[str]:
        """The commands that start Ray on such a node."""
        return [str(each) for each in listed(self.tree.get(f"{kind}_start_ray_commands"))]


def least_workers(types: Iterable[Tree]) -> int:
    """The minimum number of nodes of these types."""
    asked = (each.get("min_workers") for each in types)
    return sum(each for each in asked if isinstance(each, int))


def mapping(value: object) -> Tree:
    """The field if it is a mapping, else an empty mapping."""
    return value if isinstance(value, Mapping) else {}


def listed(value: object) -> Sequence[object]:
    """The field if it is a list, else an empty list."""
    return value if isinstance(value, list) else []


def problems(file: ClusterFile) -> list[Problem]:
    """Every mistake that can be found without the provider."""
    # An alias repeats the same mistakes.
    left = {problem.message: problem for problem in reversed([*_placeholders(file.tree)])}
    found = [*_of_schema(file), *_of_provider(file), *_of_types(file), *left.values()]
    return found or _of_ray(file)


def _of_schema(file: ClusterFile) -> Iterator[Problem]:
    import jsonschema

    tree = dict(file.tree)
    if file.kind == "local":
        tree.pop("min_workers", None)  # Ray moves it before its check
    validator = jsonschema.Draft7Validator(_schema())
    for error in sorted(validator.iter_errors(tree), key=lambda each: list(each.absolute_path)):
        yield from _explained(error)


def _explained(error: ValidationError) -> Iterator[Problem]:
    place = joined(*error.absolute_path)
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", ()))
        for key in error.instance:
            if key not in known:
                yield Problem(joined(place, key), "is not a known field", did_you_mean(key, known))
    elif error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        yield Problem(joined(place, missing), "is missing", "add it")
    elif error.validator == "type":
        kinds = error.validator_value
        wanted = " or ".join([kinds] if isinstance(kinds, str) else kinds)
        article = "an" if wanted[0] in "aio" else "a"
        yield Problem(place, f"must be {article} {wanted}, got {quoted(error.instance)}")
    else:
        yield Problem(place, error.message)


def _of_provider(file: ClusterFile) -> Iterator[Problem]:
    if not file.kind:
        return
    known_kinds = _provider_kinds()
    if file.kind not in known_kinds:
        remedy = did_you_mean(file.kind, known_kinds)
        yield Problem("provider.type", f"must be a provider of Ray's, got {file.kind!r}", remedy)
    fields = mapping(mapping(_schema()["properties"])["provider"])["properties"]
    known = [*mapping(fields), "coordinator_address"]
    for key in file.provider:
        near = difflib.get_close_matches(key, known, n=1, cutoff=_SURE)
        if key not in known and near:
            remedy = f"did you mean {near[0]}?"
            yield Problem(f"provider.{key}", "is not a known field", remedy)
    if "coordinator_address" not in file.provider:
        yield from (
            Problem(f"provider.{key}", "is missing", "add it")
            for key in _NEEDED.get(file.kind, ())
            if not file.provider.get(key)
        )


def _of_types(file: ClusterFile) -> Iterator[Problem]:
    types = file.node_types
    head = file.tree.get("head_node_type")
    if types and head not in list(types):
        message = (
            "is missing" if head is None else f"must be one of available_node_types, got {head!r}"
        )
        yield Problem("head_node_type", message, did_you_mean(str(head), types))
    least = least_workers(types.values())
    if least > file.most_workers:
        message = f"must be at least the sum of min_workers, {least}, got {file.most_workers}"
        yield Problem("max_workers", message, "raise it")
    field = TYPE_FIELD.get(file.kind)
    for name, each in types.items():
        config = mapping(each.get("node_config"))
        if field and field not in config:
            place = f"available_node_types.{name}.node_config.{field}"
            near = difflib.get_close_matches(field, config, n=1, cutoff=_SURE)
            remedy = f"did you mean it instead of {near[0]}?" if near else "add the machine type"
            yield Problem(place, "is missing", remedy)


def _placeholders(value: object, place: str = "") -> Iterator[Problem]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _placeholders(each, joined(place, key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _placeholders(each, joined(place, number))
    elif isinstance(value, str) and _PLACEHOLDER.search(value):
        yield Problem(place, f"is still {value}", "replace it as its comment describes")


def _of_ray(file: ClusterFile) -> list[Problem]:
    """Problems found by Ray's own check, which prints, and raises many kinds of exceptions."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    said = io.StringIO()
    try:
        with quiet(), redirect_stdout(said), redirect_stderr(said):
            validate_config(prepare_config(copy.deepcopy(dict(file.tree))))
    except _REFUSALS as error:
        reason = str(error) or said.getvalue()
        return [Problem("file", f"rejected by Ray: {reason.strip().splitlines()[-1]}")]
    return []


def _schema() -> Tree:
    ray = find_spec("ray")
    assert ray and ray.origin, "Ray is one of our requirements"
    path = Path(ray.origin).parent / "autoscaler" / "ray-schema.json"
    schema: Tree = json.loads(path.read_text(encoding="utf-8"))
    return schema


def _provider_kinds() -> Collection[str]:
    from ray.autoscaler._private.providers import _NODE_PROVIDERS

    return list(_NODE_PROVIDERS)


def _blocks(text: str, key: str) -> Iterator[tuple[str, int, int]]:
    """The entries of a top-level mapping: name, first line, and the line after the last."""
    root, lines = yaml.compose(text, Loader=yaml.SafeLoader), text.splitlines()
    for name, value in root.value if isinstance(root, yaml.MappingNode) else ():
        if name.value == key and isinstance(value, yaml.MappingNode):
            for inner, block in value.value:
                start, end = inner.start_mark, block.end_mark
                # A block ends where the next key begins, unless it ends on its own line.
                of_others = end.column <= start.column and end.line > start.line
                last = _with_comments(lines, end) if of_others else end.line + 1
                yield inner.value, _with_comments(lines, start), last


def _with_comments(lines: Sequence[str], key: yaml.Mark) -> int:
    """The first line of a key with the comments right above it, as far in as it is."""
    first = key.line
    while first > 0 and lines[first - 1].startswith(" " * key.column + "#"):
        first -= 1
    return first
