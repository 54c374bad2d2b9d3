"""Ray's sockets have a short enough path, wherever a batch system puts temporary files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ray._private.utils import validate_socket_filepath

from sweeps.base.errors import LaunchError
from sweeps.cluster import ray_folder
from sweeps.cluster.ray_folder import LONGEST, remark, short_folder, too_long
from sweeps.doctor.surroundings import check_ray_folder
from sweeps.preflight.finding import Level

LONG = "/tmp/a-batch-system-makes-long-names/users/somebody/jobs/1355700.worker0016/tmp"


def socket_below(folder: str) -> str:
    """As Ray names the socket of its object store, in a process with the largest id."""
    return f"{folder}/ray/session_2026-11-28_01-26-08_123456_4194304/sockets/plasma_store"


@pytest.mark.parametrize("name", ["TMPDIR", "RAY_TMPDIR"])
def test_a_folder_is_too_long_just_where_rays_sockets_are(name):
    for length in (LONGEST - 1, LONGEST):
        assert too_long({name: "x" * length}) is None
        validate_socket_filepath(socket_below("x" * length))
    assert too_long({name: "x" * (LONGEST + 1)}) == name
    with pytest.raises(OSError, match="cannot exceed"):
        validate_socket_filepath(socket_below("x" * (LONGEST + 3)))


def test_the_folder_used_instead_is_this_users_own():
    environment = {"TMPDIR": LONG, "RAY_TMPDIR": LONG}
    folder = short_folder(environment)
    validate_socket_filepath(socket_below(str(folder)))
    found = folder.stat()
    assert found.st_uid == os.getuid() and not found.st_mode & 0o022
    (said,) = remark(environment)
    assert said.startswith("RAY_TMPDIR is too long") and str(folder) in said
    assert short_folder({"TMPDIR": LONG, "RAY_TMPDIR": "/tmp"}) is None, "RAY_TMPDIR counts"
    assert short_folder({}) is None


def test_a_folder_that_others_can_write_to_is_not_used(tmp_path, monkeypatch):
    places = [tmp_path / "one", tmp_path / "other"]
    for place in places:
        place.mkdir()
    monkeypatch.setattr(ray_folder, "_PLACES", tuple(places))
    name = f"ray-{os.getuid()}"
    (places[0] / name).mkdir()
    (places[0] / name).chmod(0o777)
    assert short_folder({"TMPDIR": LONG}) == places[1] / name
    (places[1] / name).rmdir()
    (places[1] / name).symlink_to(tmp_path)
    with pytest.raises(LaunchError, match=r"^TMPDIR: .*set RAY_TMPDIR to a shorter folder"):
        short_folder({"TMPDIR": LONG})
    assert check_ray_folder({"TMPDIR": LONG}).level is Level.WRONG


def test_the_doctor_says_it():
    assert check_ray_folder({}).level is Level.OK
    finding = check_ray_folder({"TMPDIR": LONG})
    assert finding.level is Level.NOTE and "set RAY_TMPDIR" in finding.remedy
    assert Path(finding.message.split()[-1]).is_dir()
