from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from kuberay_models import Claim, Policy, RayCluster
from ray.autoscaler._private.util import prepare_config, validate_config

from sweeps.cluster.ray_session import SETTINGS
from sweeps.spot import CLOUDS

TOP = Path(__file__).parents[2]
LAUNCHED = ("cluster.yaml", "docs/cluster/gcp.yaml", "docs/cluster/on-prem.yaml")
CLOUD = LAUNCHED[:2]
STARTS = ("head_start_ray_commands", "worker_start_ray_commands")
COMMANDS = ("setup_commands", "head_setup_commands", "worker_setup_commands", *STARTS)


def tree(name):
    return yaml.safe_load((TOP / name).read_text(encoding="utf-8"))


def kuberay():
    documents = yaml.safe_load_all((TOP / "docs/cluster/kuberay.yaml").read_text("utf-8"))
    by_kind = {document["kind"]: document for document in documents}
    return (
        RayCluster.model_validate(by_kind["RayCluster"]),
        Claim.model_validate(by_kind["PersistentVolumeClaim"]),
        Policy.model_validate(by_kind["NetworkPolicy"]),
    )


@pytest.mark.parametrize("name", LAUNCHED)
def test_ray_itself_takes_the_file(name, monkeypatch):
    monkeypatch.chdir(TOP)
    validate_config(prepare_config(tree(name)))


@pytest.mark.parametrize("name", LAUNCHED)
@pytest.mark.parametrize("key", COMMANDS)
def test_every_command_is_a_shell_command(name, key):
    for command in tree(name).get(key, ()):
        subprocess.run(["bash", "-n", "-c", command], check=True)


@pytest.mark.parametrize("name", LAUNCHED)
@pytest.mark.parametrize("key", STARTS)
def test_every_node_starts_with_the_token_and_without_what_a_shell_may_have_set(name, key):
    start = tree(name)[key][-1]
    assert "export RAY_AUTH_MODE=token " in start
    assert start.index("unset OMP_NUM_THREADS RAY_ADDRESS;") < start.index("ray start ")
    assert "SWEEP_HOME=" in start


NODES = ("RAY_USAGE_STATS_ENABLED", "RAY_TRAIN_V2_ENABLED", "RAY_worker_")
"""Of our settings of Ray those that its nodes read, and not only a driver."""


def test_every_node_has_the_settings_that_a_ray_of_our_own_would_have():
    wanted = {key: value for key, value in SETTINGS.items() if key.startswith(NODES)}
    starts = [tree(name)[key][-1] for name in LAUNCHED for key in STARTS]
    for start in starts:
        assert {f"{key}={value}" for key, value in wanted.items()} <= set(start.split())
    cluster, _, _ = kuberay()
    spec = cluster.spec
    for each in (spec.headGroupSpec, *spec.workerGroupSpecs):
        variables = each.template.spec.containers[0].env
        assert wanted.items() <= {one.name: one.value for one in variables}.items()


@pytest.mark.parametrize("name", LAUNCHED)
def test_the_dashboard_stays_on_loopback_and_no_port_is_opened(name):
    config = tree(name)
    assert "--dashboard-host=127.0.0.1" in config["head_start_ray_commands"][-1]
    assert "IpPermissions" not in config["provider"].get("security_group", {})


@pytest.mark.parametrize("name", CLOUD)
def test_drivers_stay_off_spot_and_trials_off_the_head(name):
    config = tree(name)
    head = config["available_node_types"][config["head_node_type"]]
    assert head["resources"] == {"CPU": 0}
    assert "SPOT" not in str(head).upper()
    assert "SPOT" in str(config["available_node_types"]["worker"]).upper()


@pytest.mark.parametrize("name", CLOUD)
def test_workers_look_out_for_their_own_cloud_s_warnings_once_ray_is_up(name):
    config = tree(name)
    start, look_out = config["worker_start_ray_commands"][-1].split("ray start")[-1].split(" && ")
    assert "--address" in start
    assert f" -m sweeps.spot {config['provider']['type']} " in look_out
    assert config["provider"]["type"] in CLOUDS
    assert "sweeps.spot" not in str(config["head_start_ray_commands"])


@pytest.mark.parametrize("name", LAUNCHED)
def test_all_of_the_code_is_sent(name):
    sent = tree(name)["file_mounts"]
    assert all((TOP / path).exists() for path in sent.values() if not path.startswith("~"))
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    wanted = {f"./{package.removesuffix('*')}" for package in packages}
    wanted |= {f"./{file}" for file in (project["project"]["readme"], "constraints.txt")}
    assert wanted <= set(sent.values())


@pytest.mark.parametrize("name", LAUNCHED)
def test_a_shell_on_the_head_joins_the_cluster_however_often_it_is_set_up(name, tmp_path):
    line = next(each for each in tree(name)["head_setup_commands"] if ".bashrc" in each)
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    (tmp_path / ".bashrc").touch()
    for _ in range(2):
        subprocess.run(["bash", "-c", line], check=True, env=env)
    text = (tmp_path / ".bashrc").read_text()
    assert text.count("\n") == 1
    shown = subprocess.run(
        ["bash", "-c", ". ~/.bashrc; echo $RAY_ADDRESS $RAY_AUTH_MODE $SWEEP_HOME"],
        capture_output=True,
        text=True,
        check=True,
        env=env,
    ).stdout.split()
    home = "/shared/sweeps" if "on-prem" in name else f"{tmp_path}/sweeps"
    assert shown == ["auto", "token", home]


def test_kuberay_s_file_has_the_structure_that_its_types_have():
    cluster, claim, policy = kuberay()
    spec = cluster.spec
    workers = spec.workerGroupSpecs[0]
    assert spec.authOptions.mode == "token"
    assert spec.headGroupSpec.rayStartParams["num-cpus"] == "0"
    assert not spec.headGroupSpec.template.spec.nodeSelector
    assert workers.minReplicas == workers.replicas == 0 < workers.maxReplicas
    for pod in (spec.headGroupSpec.template.spec, workers.template.spec):
        assert [volume.persistentVolumeClaim.claimName for volume in pod.volumes] == [
            claim.metadata.name
        ]
        mounted = {mount.mountPath for mount in pod.containers[0].volumeMounts}
        home = {each.name: each.value for each in pod.containers[0].env}["SWEEP_HOME"]
        assert mounted == {home}
    environment = {each.name: each.value for each in workers.template.spec.containers[0].env}
    drain = float(environment["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"])
    assert 60 < drain < workers.template.spec.terminationGracePeriodSeconds
    labels = {"ray.io/cluster": cluster.metadata.name}
    assert policy.spec.podSelector.matchLabels == labels
    assert policy.spec.ingress[0].from_[0].podSelector.matchLabels == labels


def test_all_nodes_have_the_ray_that_is_pinned():
    pins = (TOP / "constraints.txt").read_text(encoding="utf-8").splitlines()
    ray = next(pin.removeprefix("ray==") for pin in pins if pin.startswith("ray=="))
    cluster, _, _ = kuberay()
    text = (TOP / "docs/cluster/kuberay.yaml").read_text(encoding="utf-8")
    assert cluster.spec.rayVersion == ray
    assert f"rayproject/ray:{ray}-" in text
