from __future__ import annotations

import copy

import pytest
import yaml

from sweeps.base.errors import YamlError
from sweeps.remote.cluster_file import ClusterFile, ClusterFileError, problems

GOOD = """\
cluster_name: small
max_workers: 2
provider: {type: aws, region: us-east-1}
head_node_type: head
available_node_types:
  head:
    resources: {CPU: 0}
    node_config:
      InstanceType: m5.large  # price: 0.096
  worker:
    resources: {}
    # a price: of nothing
    node_config: {InstanceType: g5.xlarge}  # one GPU; price: 1.006 on demand
"""


def read(tmp_path, text: str) -> ClusterFile:
    path = tmp_path / "cluster.yaml"
    path.write_text(text, encoding="utf-8")
    return ClusterFile.load(path)


def changed(tmp_path, **changes) -> ClusterFile:
    """The good file with other values at dotted places; None takes one away."""
    tree = copy.deepcopy(yaml.safe_load(GOOD))
    for place, value in changes.items():
        *above, last = place.split("__")
        node = tree
        for key in above:
            node = node[key]
        if value is None:
            del node[last]
        else:
            node[last] = value
    return read(tmp_path, yaml.safe_dump(tree))


def lines(file: ClusterFile) -> list[str]:
    return [str(problem) for problem in problems(file)]


def test_a_good_file_has_no_problem_and_its_prices_are_read_from_comments(tmp_path):
    file = read(tmp_path, GOOD)
    assert lines(file) == []
    assert file.prices == {"head": 0.096, "worker": 1.006}
    assert list(file.worker_types) == ["worker"]


def test_a_price_is_that_of_the_type_in_which_it_stands(tmp_path):
    text = GOOD.replace("price: 0.096", "the head").replace("  worker:", "  worker:  # price: 7")
    assert read(tmp_path, text).prices == {"worker": 7.0}
    flow = "available_node_types:\n  head: {}  # price: 2\n  worker:\n    max_workers: 2 # price: 3"
    assert read(tmp_path, flow).prices == {"head": 2.0, "worker": 3.0}
    after = "available_node_types:\n  head:\n    a: 1\nmax_workers: 2  # price: 3\n"
    assert read(tmp_path, after).prices == {}
    above = (
        "available_node_types:\n  head:\n    a: 1\n  # price: 3\n  worker:\n    a: 1\n# price: 4\n"
    )
    assert read(tmp_path, above).prices == {"worker": 3.0}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_worker": 3}, "max_worker: is not a known field; did you mean max_workers?"),
        ({"cluster_name": None}, "cluster_name: is missing; add it"),
        ({"max_workers": "many"}, "max_workers: must be an integer, got 'many'"),
        (
            {"provider__regoin": "x"},
            "provider.regoin: is not a known field; did you mean region?",
        ),
        ({"provider__region": None}, "provider.region: is missing; add it"),
        (
            {"provider__type": "asw"},
            "provider.type: must be a provider of Ray's, got 'asw'; did you mean aws?",
        ),
        (
            {"head_node_type": "haed"},
            "head_node_type: must be one of available_node_types, got 'haed'; did you mean head?",
        ),
        ({"head_node_type": None}, "head_node_type: is missing; known: head, worker"),
        (
            {"available_node_types__worker__min_worker": 1},
            "available_node_types.worker.min_worker: is not a known field; "
            "did you mean min_workers?",
        ),
        (
            {"available_node_types__worker__min_workers": 3},
            "max_workers: must be at least the sum of min_workers, 3, got 2; raise it",
        ),
        (
            {"available_node_types__worker__node_config": {"InstanceTpye": "g5.xlarge"}},
            "available_node_types.worker.node_config.InstanceType: is missing; "
            "did you mean it instead of InstanceTpye?",
        ),
        (
            {"available_node_types__head__node_config__ImageId": "ami-REPLACE-ME"},
            "available_node_types.head.node_config.ImageId: is still ami-REPLACE-ME; "
            "replace it as its comment describes",
        ),
        (
            {"auth": {"ssh_usr": "ubuntu"}},
            "auth.ssh_usr: is not a known field; did you mean ssh_user?",
        ),
        ({"setup_commands": [{"a": 1}]}, "setup_commands.0: must be a string, got {a: 1}"),
        # of another kind than what else is checked of the field takes for granted
        ({"setup_commands": 7}, "setup_commands: must be an array, got 7"),
        ({"head_node_type": ["head"]}, "head_node_type: must be a string, got [head]"),
        (
            {"available_node_types__worker__min_workers": "many"},
            "available_node_types.worker.min_workers: must be an integer, got 'many'",
        ),
        (
            {"provider": {"type": "local", "head_ip": "a", "worker_ips": 3}, "max_workers": None},
            "provider.worker_ips: must be an array, got 3",
        ),
    ],
)
def test_a_mistake_is_told_with_its_field_and_the_way_out(tmp_path, changes, said):
    assert said in lines(changed(tmp_path, **changes))


def test_several_mistakes_are_told_at_once(tmp_path):
    file = changed(tmp_path, max_worker=3, provider__region=None, head_node_type="haed")
    assert len(lines(file)) == 3


def test_a_provider_s_own_fields_are_let_through(tmp_path):
    assert lines(changed(tmp_path, provider__something_else="x")) == []


def test_what_only_ray_itself_refuses_is_told_too(tmp_path):
    file = changed(tmp_path, docker={"image": "winnow"})
    (said,) = lines(file)
    assert said.startswith("file: rejected by Ray: ")


def test_own_machines_need_their_addresses(tmp_path):
    file = read(tmp_path, "cluster_name: a\nprovider: {type: local, head_ip: 10.0.0.1}\n")
    assert lines(file) == ["provider.worker_ips: is missing; add it"]
    assert (file.most_workers, file.node_types) == (0, {})
    text = "cluster_name: a\nmin_workers: 1\nprovider: {type: local, head_ip: h, worker_ips: [w]}\n"
    assert lines(read(tmp_path, text)) == []


def test_a_file_is_read_as_ray_reads_it(tmp_path):
    file = changed(tmp_path, provider__cache_stopped_nodes=False)
    text = file.text.replace("cache_stopped_nodes: false", "cache_stopped_nodes: off")
    assert lines(read(tmp_path, text)) == []


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("a: [", YamlError, "line 1"),
        ("- a", YamlError, "contains no fields"),
        ("a: 1\na: 2", YamlError, "'a' is repeated"),
        ("apiVersion: ray.io/v1\nkind: RayCluster", ClusterFileError, "kubectl apply"),
    ],
)
def test_what_is_no_cluster_file_is_said_to_be_none(tmp_path, text, error, said):
    with pytest.raises(error, match=said):
        read(tmp_path, text)
