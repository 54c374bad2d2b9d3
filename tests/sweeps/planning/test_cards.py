"""GPUs by name, by size and by the machines of a cluster; what is none is told apart."""

from __future__ import annotations

import pytest
import yaml

from sweeps.base.errors import SweepError
from sweeps.planning.cards import card
from sweeps.planning.node_cards import Machine, card_of, cards_of
from sweeps.planning.sizes import GIB, shown
from sweeps.remote.cluster_file import ClusterFile
from sweeps.remote.machines import machines_of


@pytest.mark.parametrize(
    ("text", "gigabytes"),
    [("H100", 80), ("a100-40gb", 40), ("24GB", 24), ("24", 24), ("24GiB", 24), ("RTX 4090", 24)],
)
def test_cards_by_name_or_size(text, gigabytes):
    assert card(text).memory == gigabytes * GIB


@pytest.mark.parametrize("text", ["GTX", "", "H1000"])
def test_an_unknown_card_is_told_those_that_are_known(text):
    with pytest.raises(SweepError, match=r"unknown; .*H100 \(80 GB\)"):
        card(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0GB", "must be a number above 0"),
        ("-3GB", "must be a number above 0"),
        ("nanGB", "must be a number above 0"),
        ("infGB", "no GPU has more than 10,000 GB"),
        ("99999999GB", "no GPU has more than 10,000 GB"),
        ("0.5GB", r"CUDA itself takes 0\.59 GB, which leaves nothing"),
        ("24000MB", "MB is no unit here; write gigabytes"),
        ("1TB", "TB is no unit here"),
    ],
)
def test_a_size_that_is_none_is_no_unknown_name(text, said):
    with pytest.raises(SweepError, match=said) as refusal:
        card(text, "slots.gpu")
    assert str(refusal.value).startswith(f"slots.gpu {text!r}: ")
    assert "H100" not in str(refusal.value)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0.0 KB"),
        (3000, "2.9 KB"),
        (500_000, "0.5 MB"),
        (5_452_595, "5.2 MB"),
        (64_000_000, "61 MB"),
        (int(0.2 * GIB), "0.20 GB"),
        (141 * GIB, "141 GB"),
        (2000 * GIB, "2,000 GB"),
    ],
)
def test_sizes_have_the_unit_that_fits(size, words):
    assert shown(size) == words


@pytest.mark.parametrize(
    ("kind", "gigabytes", "most"),
    [
        ("g5.xlarge", 22.5, 1),
        ("g5.12xlarge", 22.5, 4),
        ("g5.48xlarge", 22.5, 8),
        ("g4dn.metal", 15, 8),
        ("p3.8xlarge", 16, 4),
        ("p4d.24xlarge", 40, 8),
        ("p5.48xlarge", 80, 8),
        ("a2-highgpu-4g", 40, 4),
        ("a3-megagpu-8g", 80, 8),
        ("g2-standard-48", 22.5, 4),
    ],
)
def test_machine_types_have_their_gpus(kind, gigabytes, most):
    found = card_of(Machine(kind))
    assert found is not None and (found.memory, found.most) == (int(gigabytes * GIB), most)


@pytest.mark.parametrize("kind", ["m5.xlarge", "n2-standard-8", "", "a9-newgpu-4g"])
def test_machine_types_without_a_known_gpu_have_none(kind):
    assert card_of(Machine(kind)) is None


def cluster_file(tmp_path, kind, field, **types):
    tree = {
        "cluster_name": "c",
        "provider": {"type": kind},
        "head_node_type": "head",
        "available_node_types": {
            "head": {"node_config": {field: "g5.xlarge"}},
            **{name: {"node_config": config} for name, config in types.items()},
        },
    }
    file = tmp_path / "cluster.yaml"
    file.write_text(yaml.safe_dump(tree, sort_keys=False))
    return ClusterFile.load(file)


def test_workers_of_a_cluster_file_are_cards_named_after_their_types(tmp_path):
    kinds = {"small": "g5.xlarge", "large": "p4d.24xlarge", "plain": "m5.xlarge"}
    types = {name: {"InstanceType": kind} for name, kind in kinds.items()}
    found = cards_of(machines_of(cluster_file(tmp_path, "aws", "InstanceType", **types)))
    assert [each.name for each in found] == [
        "small (g5.xlarge, A10)",
        "large (p4d.24xlarge, A100-40)",
    ]
    assert [each.most for each in found] == [1, 8]


def test_googles_machines_may_have_gpus_given_to_them(tmp_path):
    given = {
        "machineType": "zones/a/machineTypes/n1-standard-8",
        "guestAccelerators": [
            {"acceleratorType": "projects/p/nvidia-tesla-t4", "acceleratorCount": 2}
        ],
    }
    file = cluster_file(tmp_path, "gcp", "machineType", worker=given)
    (found,) = cards_of(machines_of(file))
    assert (found.name, found.most) == ("worker (n1-standard-8, T4)", 2)
