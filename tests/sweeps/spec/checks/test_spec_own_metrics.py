"""A user's own metrics in a sweep file: their directions, and what is refused."""

from __future__ import annotations

import pytest

from sweeps.remote.shipment import pack
from sweeps.spec.notes import notes
from sweeps.spec.spec import SpecError, SweepSpec

OWN = {"mine": {"python": "scoring.py:score", "mode": "min"}}


@pytest.fixture(autouse=True)
def _files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chats.jsonl").write_text('{"instruction": "a", "output": "b"}\n')
    (tmp_path / "scoring.py").write_text("def score(prompts, answers, references, records): ...\n")
    (tmp_path / "broken.py").write_text("import math\ndef score(:\n")
    (tmp_path / "none.py").write_text("raise SystemExit('never run')\n")


def spec(**fields):
    tree = {
        "name": "own",
        "model": "builtin:pydoc",
        "data": {"train": "chats.jsonl"},
        "budget": {"trials": 4, "evaluations": 4},
        "search": {"metric": "eval_mine"},
        "metrics": OWN,
        "trust_metric_code": True,
        "space": {"lora.rank": {"choice": [4, 8]}},
    }
    return SweepSpec.parse({**tree, **fields})


def problems(**fields):
    with pytest.raises(SpecError) as error:
        spec(**fields)
    return "\n".join(map(str, error.value.problems))


def test_an_own_metric_is_searched_in_its_own_direction():
    found = spec()
    assert found.search.goals == {"eval_mine": "min"}
    assert found.trial.evaluation.metrics == ("eval_mine",)
    assert found.trial.evaluation.generate_at == "every", "early stopping compares it"
    assert SweepSpec.parse(found.tree).trial == found.trial


def test_a_search_against_the_own_direction_is_noted():
    assert not any("eval_mine" in note for note in notes(spec()))
    backwards = spec(search={"metric": "eval_mine", "mode": "max"})
    assert any("although its minimum is best" in note for note in notes(backwards))


def test_a_dict_gives_several_metrics_for_a_front():
    own = {"mine": {"python": "scoring.py:score", "modes": {"f1": "max", "size": "min"}}}
    found = spec(metrics=own, search={"metrics": {"eval_mine_f1": None, "eval_mine_size": None}})
    assert found.search.goals == {"eval_mine_f1": "max", "eval_mine_size": "min"}


def test_scoring_files_are_sent_to_a_cluster(tmp_path):
    pack(spec(), tmp_path / "sent")
    assert (tmp_path / "sent" / "scoring.py").read_text() == (tmp_path / "scoring.py").read_text()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"trust_metric_code": False},
            "metrics.mine: runs scoring.py with all your rights; set tr",
        ),
        ({"metrics": {"mine": {"python": "scoring.py:score"}}}, "state which values are better"),
        ({"metrics": {"mine": {"python": "scoring", "mode": "max"}}}, "write FILE.py:FUNCTION"),
        ({"metrics": {"mine": {"python": "no.py:f", "mode": "max"}}}, "no.py does not exist"),
        (
            {"metrics": {"mine": {"python": "scoring.py:scor", "mode": "max"}}},
            "metrics.mine.python: scoring.py has no function scor; did you mean score?",
        ),
        (
            {"metrics": {"mine": {"python": "broken.py:score", "mode": "max"}}},
            "metrics.mine.python: broken.py is not Python (line 2: ",
        ),
        (
            {
                "objective": "grpo",
                "rl": {"rewards": {"eval_mine": 1.0}},
                "metrics": {"mine": {"python": "none.py:score", "mode": "max"}},
            },
            "metrics.mine.python: none.py has no function score; it defines none; write it there",
        ),
        ({"metrics": {"My Score": OWN["mine"]}}, "use small letters, digits and _"),
        ({"metrics": {"loss": OWN["mine"]}}, "there is another metric eval_loss"),
        ({"search": {"metric": "eval_mime"}}, "did you mean eval_mine?"),
        ({"objective": "clm", "search": {}}, "eval_mine needs generated answers"),
        ({"space": {"metrics": {"choice": [1]}}}, "every trial must be measured in the same way"),
    ],
)
def test_what_cannot_be_is_one_message(fields, said):
    assert said in problems(**fields)


@pytest.mark.parametrize(
    "text",
    [
        "from elsewhere import score",
        "from elsewhere import *",
        "import elsewhere as score",
        "try:\n    import fast\n    score = fast.score\nexcept ImportError:\n    score = max",
        "if 1:\n    def score(): ...",
        "def made(): return max\nscore = made()",
        "globals()['score'] = max",
        "def __getattr__(name): return max",
    ],
)
def test_each_way_to_have_a_function_is_seen_without_running_anything(tmp_path, text):
    (tmp_path / "scoring.py").write_text(f"{text}\nraise SystemExit('never run')\n")
    assert spec().search.goals == {"eval_mine": "min"}


@pytest.mark.parametrize("text", ["def made():\n    score = max", "class score_: ...", "score"])
def test_a_name_inside_another_function_is_not_the_files(tmp_path, text):
    (tmp_path / "scoring.py").write_text(text)
    assert "scoring.py has no function score" in problems()


JUDGE = {"endpoint": "http://localhost/v1", "model": "m", "rubric": "scoring.py"}


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        (
            {"python": "scoring.py:score", "mod": "max"},
            "mine.mod: is not a known field; did you me",
        ),
        ({"pyton": "scoring.py:score", "mode": "max"}, "mine.pyton: is not a known field; did you"),
        ({**JUDGE, "rangee": [1, 5]}, "mine.rangee: is not a known field; did you mean range?"),
        ({**JUDGE, "modes": {}}, "metrics.mine.modes: is not a known field; did you mean mode?"),
        ({**JUDGE, "prices": {"inptu": 1, "output": 1}}, "prices.inptu: is not a known field; did"),
        ({**JUDGE, "retries": -1}, "metrics.mine.retries"),
        ({**JUDGE, "endpoint": "http://localhost:99999/v1"}, "mine.endpoint: must be the URL of"),
        ({**JUDGE, "endpoint": "http://localhost:v1"}, "mine.endpoint: must be the URL of"),
        ({**JUDGE, "api_key": "sk-abc"}, "api_key: is named like a secret; leave it out, and name"),
        ({**JUDGE, "token": "sk-abc"}, "name an environment variable that holds it: key_env: NAME"),
        ({"python": "scoring.py:score"}, "metrics.mine: state which values are better"),
        ({"mode": "max"}, "must be either a function (python: FILE.py:FUNCTION) or a judge"),
        ({**JUDGE, "python": "scoring.py:score"}, "must be either a function"),
        ({**JUDGE, "concurrency": True}, "metrics.mine.concurrency: true: must be a number"),
    ],
)
def test_a_mistake_in_an_own_metric_is_one_message_with_the_meant_field(metric, said):
    told = problems(metrics={"mine": metric})
    assert said in told and len(told.splitlines()) == 1


def test_an_own_metric_without_fields_names_both_kinds():
    told = problems(metrics={"mine": {}})
    assert "a function (python: FILE.py:FUNCTION) or a judge (endpoint, model and rubric)" in told


def test_a_judge_need_not_be_asked_twice():
    assert spec(metrics={"mine": {**JUDGE, "retries": 0}}).trial.metrics["mine"].retries == 0
