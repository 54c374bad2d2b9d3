from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sweeps.doctor.cluster_checks import check_cluster_file
from sweeps.preflight.finding import Level
from sweeps.remote.cluster_file import ClusterFile

TOP = Path(__file__).parents[3]
ANYBODY = [{"CidrIp": "0.0.0.0/0"}]


@pytest.fixture
def ours(tmp_path, monkeypatch):
    """Our own file for AWS, filled in, with a token of our own; changes are made by a function."""
    monkeypatch.chdir(TOP)
    monkeypatch.setenv("HOME", str(tmp_path))
    token = tmp_path / ".ray" / "auth_token"
    token.parent.mkdir()
    token.write_text("secret")
    token.chmod(0o600)

    def findings(change=lambda tree: None, name="cluster.yaml", storage=None):
        text = (TOP / name).read_text(encoding="utf-8").replace("REPLACE-ME", "filled-in")
        tree = yaml.safe_load(text)
        change(tree)
        return check_cluster_file(ClusterFile(Path(name), text, tree), storage)

    return findings


def told(findings, level: Level) -> dict[str, str]:
    return {each.check: str(each) for each in findings if each.level is level}


def open_port(port, **rule):
    def change(tree):
        rule_ = {"FromPort": port, "ToPort": port, "IpProtocol": "tcp", "IpRanges": ANYBODY}
        tree["provider"]["security_group"]["IpPermissions"] = [rule_ | rule]

    return change


def without_token(tree):
    for key in ("head_start_ray_commands", "worker_start_ray_commands", "head_setup_commands"):
        tree[key] = [each.replace("RAY_AUTH_MODE=token", "") for each in tree[key]]


@pytest.mark.parametrize("name", ["cluster.yaml", "docs/cluster/gcp.yaml"])
def test_nothing_is_wrong_with_our_own_files_once_they_are_filled_in(ours, name):
    found = ours(name=name)
    assert told(found, Level.WRONG) == {}
    assert "0.19 per hour without workers" in told(found, Level.OK)["cluster price"]


@pytest.mark.parametrize("wrong", [7, "text", ["text"], {"a": 1}])
@pytest.mark.parametrize(
    "place",
    [
        "provider.security_group",
        "provider.security_group.IpPermissions",
        "setup_commands",
        "head_start_ray_commands",
        "file_mounts",
        "head_node_type",
        "available_node_types",
        "docker",
    ],
)
def test_a_field_of_another_kind_is_a_finding_and_no_crash(ours, place, wrong):
    def change(tree):
        *above, last = place.split(".")
        for key in above:
            tree = tree[key]
        tree[last] = wrong

    assert ours(change)


def test_own_machines_are_warned_of_their_network_only(ours):
    found = ours(name="docs/cluster/on-prem.yaml")
    assert told(found, Level.WRONG) == {}
    assert list(told(found, Level.NOTE)) == ["cluster ports"]


def test_the_price_is_that_of_the_head_and_of_all_workers_that_may_come(ours):
    said = told(ours(), Level.OK)["cluster price"]
    assert said.startswith(f"0.19 per hour without workers, at most {0.192 + 4 * 1.006:.2f} with 4")


def test_without_a_token_a_cluster_that_can_be_reached_is_wrong(ours):
    def change(tree):
        without_token(tree)
        open_port(8265)(tree)

    said = told(ours(change), Level.WRONG)
    assert "RAY_AUTH_MODE=token is not set on the head and the worker" in said["cluster token"]
    assert "opens port 8265 to everyone" in said["cluster token"]
    assert "opens port 8265 to everyone" in said["cluster ports"]


def test_without_a_token_behind_a_firewall_it_is_a_note(ours):
    found = ours(without_token)
    assert "cluster token" in told(found, Level.NOTE)
    assert told(found, Level.WRONG) == {}


def test_without_a_token_own_machines_are_wrong(ours):
    found = ours(without_token, "docs/cluster/on-prem.yaml")
    assert "your network" in told(found, Level.WRONG)["cluster token"]


@pytest.mark.parametrize(
    ("port", "rule", "wrong"),
    [
        (8265, {}, "port 8265"),
        (6379, {"ToPort": 6400}, "ports 6379 to 6400"),
        (-1, {"IpProtocol": "-1"}, "all ports"),
        (8265, {"IpRanges": [], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}, "port 8265"),
        (22, {}, None),
        (8265, {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, None),
        (8265, {"IpRanges": [{"CidrIp": "203.0.113.7/32"}]}, None),
        (-1, {"IpProtocol": "icmp"}, None),
    ],
)
def test_a_security_group_may_open_ssh_and_what_few_can_reach(ours, port, rule, wrong):
    said = told(ours(open_port(port, **rule)), Level.WRONG).get("cluster ports")
    assert said is None if wrong is None else f"opens {wrong} to everyone" in said


def test_a_dashboard_on_all_interfaces_is_noted(ours):
    def change(tree):
        start = tree["head_start_ray_commands"]
        start[-1] = start[-1].replace("127.0.0.1", "0.0.0.0")

    assert "all interfaces" in told(ours(change), Level.NOTE)["cluster ports"]


@pytest.mark.parametrize(
    ("mode", "said"),
    [(0o644, "is readable by other users"), (None, "~/.ray/auth_token does not exist")],
)
def test_a_token_is_there_and_for_its_owner_alone(ours, tmp_path, mode, said):
    token = tmp_path / ".ray" / "auth_token"
    token.unlink() if mode is None else token.chmod(mode)
    assert said in told(ours(), Level.WRONG)["cluster token"]


def test_a_token_that_no_node_gets_is_wrong(ours):
    said = told(ours(lambda tree: tree["file_mounts"].pop("~/.ray/auth_token")), Level.WRONG)
    assert "no node gets the token" in said["cluster token"]


def test_workers_without_a_shared_folder_are_wrong_and_none_need_none(ours):
    def change(tree):
        tree["worker_start_ray_commands"] = ["RAY_AUTH_MODE=token ray start"]

    assert "set storage.uri" in told(ours(change), Level.WRONG)["cluster storage"]
    assert "s3://b/s" in told(ours(change, storage="s3://b/s"), Level.OK)["cluster storage"]
    assert "cluster storage" in told(ours(change, storage="/shared/sweeps"), Level.WRONG)

    def alone(tree):
        change(tree)
        tree["max_workers"] = 0

    assert told(ours(alone), Level.WRONG) == {}


def test_a_head_on_spot_is_wrong_and_one_that_trains_is_noted(ours):
    def change(tree):
        head = tree["available_node_types"]["head"]
        head["node_config"]["InstanceMarketOptions"] = {"MarketType": "spot"}
        head["resources"] = {}

    found = ours(change)
    assert "spot instance" in told(found, Level.WRONG)["cluster head"]
    assert "trials may run on the head" in told(found, Level.NOTE)["cluster head"]


@pytest.mark.parametrize("name", ["g5.xlrage", "g5xlarge", "xlarge"])
def test_an_unlikely_machine_is_a_note(ours, name):
    def change(tree):
        tree["available_node_types"]["worker"]["node_config"]["InstanceType"] = name

    found = ours(change)
    assert f"worker: {name} does not look like" in told(found, Level.NOTE)["cluster machines"]
    assert told(found, Level.WRONG) == {}


def test_likely_machines_are_none(ours):
    for name in ("p5.48xlarge", "u-6tb1.metal", "m7i-flex.2xlarge", "g6e.12xlarge", "t3.micro"):

        def change(tree, name=name):
            tree["available_node_types"]["worker"]["node_config"]["InstanceType"] = name

        assert "cluster machines" not in told(ours(change), Level.NOTE)


def test_files_that_ray_would_not_find_are_named(ours):
    said = told(ours(lambda tree: tree["file_mounts"].update({"~/x": "./nowhere"})), Level.WRONG)
    assert f"./nowhere does not exist in {TOP}" in said["cluster files"]


def test_a_price_that_nobody_wrote_is_noted(ours):
    def change(tree):
        types = tree["available_node_types"]
        types["other"] = types["worker"]

    assert "no price known for other" in told(ours(change), Level.NOTE)["cluster price"]
