from __future__ import annotations

from sweeps.doctor.surroundings import check_locks, check_proxies
from sweeps.preflight.finding import Level


def test_proxies_are_named_with_what_they_are_not_used_for():
    assert check_proxies({"NO_PROXY": "localhost", "http_proxy": ""}) == []
    (finding,) = check_proxies({"https_proxy": "http://me:hunter2@proxy:8080", "ALL_PROXY": "x"})
    assert finding.level is Level.OK
    assert finding.message.startswith("https_proxy, ALL_PROXY: not used for this machine")
    assert "hunter2" not in str(finding)


def test_a_home_is_tried_where_it_will_be(tmp_path):
    (finding,) = check_locks(tmp_path / "home")
    assert finding.level is Level.OK
    assert not list(tmp_path.iterdir())
