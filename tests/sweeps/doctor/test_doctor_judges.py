"""Judges of a sweep file, as `sweep doctor` finds them."""

from __future__ import annotations

from judge_server import judge_server

from sweeps.doctor.judges import check_judges
from sweeps.preflight.finding import Level
from sweeps.spec.spec import SweepSpec


def findings(folder, endpoint, **settings):
    (folder / "chats.jsonl").write_text('{"instruction": "a", "output": "b"}\n')
    (folder / "rubric.md").write_text("Be good.")
    own = {"endpoint": endpoint, "model": "j", "rubric": str(folder / "rubric.md"), **settings}
    tree = {
        "name": "judged",
        "model": "builtin:pydoc",
        "data": {"train": str(folder / "chats.jsonl")},
        "budget": {"trials": 2},
        "metrics": {"helpful": own},
        "space": {"lora.rank": {"choice": [4, 8]}},
    }
    return [*check_judges(SweepSpec.parse(tree))]


def test_a_judge_that_answers(tmp_path):
    with judge_server(lambda messages: "Score: 3") as (server, endpoint):
        (found,) = findings(tmp_path, endpoint)
    assert found.level is Level.OK and len(server.requests) == 1
    assert found.message == f"j at {endpoint} answers for metrics.helpful"


def test_one_without_a_key_and_one_that_answers_nonsense(tmp_path, monkeypatch):
    monkeypatch.delenv("MY_JUDGE", raising=False)
    with judge_server(lambda messages: "Hello!") as (server, endpoint):
        (found,) = findings(tmp_path, endpoint, key_env="MY_JUDGE")
        assert found.level is Level.WRONG and "MY_JUDGE is not set" in found.message
        assert not server.requests
        (found,) = findings(tmp_path, endpoint)
        assert found.level is Level.WRONG and "replied 'Hello!'" in found.message
