"""Judges behind an HTTP endpoint: what they are asked, and what away, wrong and slow ones do."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from types import SimpleNamespace

import chat_training as chats
import numpy as np
import pytest
from judge_server import judge_server
from ports import free_port
from pydantic import ValidationError

from trainables.config.judge import JudgeMetric
from trainables.config.trial import TrialConfig
from trainables.core.data_error import DataError
from trainables.core.errors import RefusedError
from trainables.core.evaluation import Ending, Monitor, Verdict
from trainables.metrics.written import Answer
from trainables.training.generation.files import SAMPLES
from trainables.training.inputs import prepare_inputs
from trainables.training.scoring import judgements
from trainables.training.scoring.files import checked_files
from trainables.training.scoring.judge import Judge, check_judges, dollars
from trainables.training.scoring.judgements import Pace, Usage

ANSWERS = tuple(
    Answer(place, f"ask {place}", text, ("right",), 2, ended=True)
    for place, text in enumerate(("good", "<think>bad?</think> bad", "good enough"))
)
BASE = {0: "bad", 1: "good", 2: "good enough"}


def judge(endpoint, folder, rubric="Be good.", **settings):
    metric = JudgeMetric(endpoint=endpoint, model="j", rubric="rubric.md", **settings)
    return Judge("helpful", metric, rubric, folder)


def tagged(name, messages):
    return re.search(rf"<{name}>\n(.*)\n</{name}>", messages[-1]["content"]).group(1)


def scores(messages):
    """Eight for good answers, two for bad ones; the truth is in the answer itself."""
    return f"Because.\n\nScore: {8 if tagged('answer', messages).startswith('good') else 2}"


def prefers_good(messages):
    first, second = (tagged(f"answer_{each}", messages) == "good" for each in "AB")
    return f"Better: {'tie' if first == second else 'A' if first else 'B'}"


def test_each_answer_is_scored_by_the_rubric(tmp_path):
    with judge_server(scores) as (server, endpoint):
        found, usage = judge(endpoint, tmp_path).scored(ANSWERS, None)
    assert found.each == [8, 2, 8] and found.value == 6
    assert usage == Usage(3, 300, 60)
    request = server.requests[0]
    assert request["model"] == "j" and request["temperature"] == 0 and request["max_tokens"] == 512
    assert request["path"] == "/v1/chat/completions"
    assert "Be good." in request["messages"][0]["content"]
    asked = sorted(server.asked)
    assert "<prompt>\nask 0\n</prompt>" in asked[0] and "from 1 to 10" in asked[0]
    assert "<right_answer>\nright\n</right_answer>" in asked[0]
    assert not any("bad?" in each for each in asked), "reasoning is not judged"


def test_nothing_is_asked_twice_whatever_process_asks(tmp_path):
    with judge_server(scores) as (server, endpoint):
        first = judge(endpoint, tmp_path).scored(ANSWERS, None)
        again = judge(endpoint, tmp_path).scored(ANSWERS + ANSWERS, None)
        assert len(server.requests) == 3
        assert again[0].value == first[0].value and again[1] == Usage()
        judge(endpoint, tmp_path, "Be better.").scored(ANSWERS, None)
        judge(endpoint, tmp_path, options={"seed": 1}).scored(ANSWERS, None)
        assert len(server.requests) == 9, "another rubric or option is another question"
        assert server.requests[-1]["seed"] == 1 and "max_tokens" not in server.requests[-1]
        for file in tmp_path.rglob("*.json"):
            file.write_text("{")
        assert judge(endpoint, tmp_path).scored(ANSWERS, None)[0].value == first[0].value


def test_equal_questions_at_once_are_one(tmp_path):
    same = (ANSWERS[0],) * 16
    with judge_server(scores) as (server, endpoint):
        found, usage = judge(endpoint, tmp_path, concurrency=16).scored(same, None)
    assert found.value == 8 and len(server.requests) == usage.requests == 1


def test_pairs_are_asked_in_both_orders_and_equal_ones_not_at_all(tmp_path):
    with judge_server(prefers_good) as (server, endpoint):
        found, _ = judge(endpoint, tmp_path, ask="pairwise").scored(ANSWERS, BASE)
    assert found.each == [1.0, 0.0, 0.5] and found.value == 0.5
    orders = [
        tuple(tagged(f"answer_{n}", each["messages"]) for n in "AB") for each in server.requests
    ]
    assert sorted(orders) == [("bad", "good")] * 2 + [("good", "bad")] * 2


@pytest.mark.parametrize(("said", "value"), [("A", 0.5), ("B", 0.5), ("tie", 0.5)])
def test_a_judge_that_prefers_a_place_gives_halves(tmp_path, said, value):
    with judge_server(lambda messages: f"Better: {said}") as (_, endpoint):
        found, _ = judge(endpoint, tmp_path, ask="pairwise").scored(ANSWERS[:1], BASE)
    assert found.each == [value]


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ("Score: 7", 7),
        ("Fine.\n**Score: 7.5**", 7.5),
        ("<think>Score: 1</think>\nscore: 10.", 10),
        ("Score: 7\nThanks!", None),
        ("Score: 8/10", 8),
        ("**Score:** 7.5 / 10.0", 7.5),
        ("Score: 8/5", None),
        ("Score: 4/5", None),
        ("Score: 80/100", None),
        ("Score: 8/", None),
        ("Score: 11", None),
        ("Score: 0", None),
        ("Score: nan", None),
        ("7", None),
        ("", None),
        ("I cannot judge this. Score: high", None),
    ],
)
def test_replies_are_read_strictly(tmp_path, reply, score):
    with judge_server(lambda messages: reply) as (server, endpoint):
        asked = judge(endpoint, tmp_path)
        if score is not None:
            assert asked.scored(ANSWERS[:1], None)[0].each == [score]
            return
        with pytest.raises(RefusedError) as error:
            asked.scored(ANSWERS[:1], None)
        assert len(server.requests) == 3, "asked again, and in vain"
    assert "'Score: NUMBER' with a number from 1 to 10; change the rubric" in str(error.value)
    assert str(error.value).startswith("metrics.helpful: the judge j at 127.0.0.1:")
    assert not [*tmp_path.rglob("*.json")], "nonsense is not remembered"


def test_busy_endpoints_are_asked_again_later(tmp_path):
    busy = iter([(429, {"Retry-After": "0.01"}, {}), (503, {"Retry-After": "0.01"}, {})])
    with judge_server(lambda messages: next(busy, "Score: 5")) as (server, endpoint):
        found, _ = judge(endpoint, tmp_path).scored(ANSWERS[:1], None)
    assert found.each == [5] and len(server.requests) == 3


def error(status, said):
    return status, {"Retry-After": "0.01"}, {"error": {"message": said}}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (error(401, "wrong key sk-very-secret"), "HTTP 401"),
        (error(404, "no model j"), "check endpoint, which often ends in /v1, and model"),
        (error(429, "slow down"), "set requests_per_minute"),
        (error(400, "max_tokens is not supported"), "max_tokens is not supported"),
        ((200, {"Content-Type": "text/html"}, b"<html>Welcome</html>"), "which often ends in /v1"),
        ((200, {}, {"choices": []}), "does not answer as OpenAI's chat completions do"),
        ((200, {}, b"{"), "does not answer as OpenAI's chat completions do"),
    ],
)
def test_endpoints_that_refuse_are_one_message(tmp_path, monkeypatch, reply, said):
    monkeypatch.setenv("MY_JUDGE", "sk-very-secret")
    with judge_server(lambda messages: reply) as (server, endpoint):
        settings = {"key_env": "MY_JUDGE", "retries": 1}
        with pytest.raises(RefusedError) as found:
            judge(endpoint, tmp_path, **settings).scored(ANSWERS[:1], None)
    text = str(found.value)
    assert said in text and "\n" not in text and "very-secret" not in text
    assert server.requests[0]["key"] == "Bearer sk-very-secret"
    if "401" in said:
        assert "wrong key $MY_JUDGE" in text and "check the key in MY_JUDGE" in text


def test_after_a_refusal_nothing_more_is_asked(tmp_path):
    many = tuple(Answer(n, "ask", f"text {n}", ("",), 1, True) for n in range(50))
    with judge_server(lambda messages: error(401, "no")) as (server, endpoint):
        with pytest.raises(RefusedError):
            judge(endpoint, tmp_path, concurrency=2).scored(many, None)
        assert len(server.requests) <= 2


def test_an_endpoint_that_is_away_is_one_message(tmp_path):
    endpoint = f"http://127.0.0.1:{free_port()}/v1"
    with pytest.raises(RefusedError, match=r"cannot be reached .* check endpoint and network"):
        judge(endpoint, tmp_path, retries=1).scored(ANSWERS[:1], None)


def test_as_many_are_asked_at_a_time_as_stated(tmp_path):
    three = threading.Barrier(3, timeout=30)

    def together(messages):
        three.wait()
        return scores(messages)

    many = tuple(Answer(n, "ask", f"good {n}", ("",), 1, True) for n in range(12))
    with judge_server(together) as (server, endpoint):
        assert judge(endpoint, tmp_path, concurrency=3).scored(many, None)[0].value == 8
    assert server.most_at_once == 3


def test_the_slots_of_a_node_keep_one_pace(tmp_path, monkeypatch):
    slept = []
    clock = SimpleNamespace(time=lambda: 1000.0, sleep=slept.append)
    monkeypatch.setattr(judgements, "time", clock)
    slots = [Pace(tmp_path, "judge", 120) for _ in range(2)]
    for _ in range(3):
        for each in (*slots, Pace(tmp_path, "another", 60)):
            each.wait()
    assert slept == [0, 0.5, 0, 1, 1.5, 1, 2, 2.5, 2]
    Pace(tmp_path, "judge", None).wait()
    assert len(slept) == 9


def test_retries_keep_the_pace_too(tmp_path, monkeypatch):
    waited = []
    monkeypatch.setattr(Pace, "wait", lambda *_: waited.append(1))
    busy = iter([error(503, "later")] * 2)
    with judge_server(lambda messages: next(busy, "Score: 5")) as (_, endpoint):
        judge(endpoint, tmp_path).scored(ANSWERS[:1], None)
    assert len(waited) == 3


def test_tokens_cost_what_is_stated():
    priced = {"prices": {"input": 0.5, "output": 2.0}}
    metric = JudgeMetric(endpoint="http://x/v1", model="j", rubric="r", **priced)
    assert dollars(metric, Usage(3, 2_000_000, 500_000)) == 2.0
    assert dollars(metric.model_copy(update={"prices": None}), Usage(3, 9, 9)) == 0


def trial(tmp_path, endpoint, **settings):
    own = {"endpoint": endpoint, "model": "j", "rubric": str(tmp_path / "rubric.md"), **settings}
    (tmp_path / "rubric.md").write_text("Be good.")
    return chats.chat_trial(tmp_path, metrics={"helpful": own})


@pytest.mark.parametrize("ask", ["score", "pairwise"])
def test_a_launch_asks_each_judge_once(tmp_path, ask):
    replies = {"score": "Score: 9", "pairwise": "Better: A"}
    with judge_server(lambda messages: replies[ask]) as (server, endpoint):
        config = trial(tmp_path, endpoint, ask=ask)
        check_judges(config)
        assert len(server.requests) == 1
        server.reply = lambda messages: "Sure!"
        with pytest.raises(DataError, match="replied 'Sure!' where its last line must be"):
            check_judges(config)


def test_a_missing_key_is_said_before_anything_is_asked(tmp_path, monkeypatch):
    monkeypatch.delenv("MY_JUDGE", raising=False)
    config = trial(tmp_path, "http://127.0.0.1:9/v1", key_env="MY_JUDGE")
    with pytest.raises(DataError) as found:
        check_judges(config)
    assert "metrics.helpful.key_env: environment variable MY_JUDGE is not set" in str(found.value)


@pytest.mark.parametrize("key", ["sk-SECRET\nsk-OTHER", "sk-SECR\u00c9T", "sk\u201cSECRET"])
def test_a_key_that_no_request_can_carry_is_refused_without_telling_it(tmp_path, monkeypatch, key):
    monkeypatch.setenv("MY_JUDGE", key)
    with pytest.raises(DataError, match="the key in MY_JUDGE") as found:
        check_judges(trial(tmp_path, "http://127.0.0.1:9/v1", key_env="MY_JUDGE"))
    assert "SECR" not in str(found.value)


@pytest.mark.parametrize("option", ["messages", "model", "n", "stream"])
def test_options_do_not_change_what_is_asked(option):
    with pytest.raises(ValueError, match=f"{option} is not an option"):
        JudgeMetric(endpoint="http://x/v1", model="j", rubric="r", options={option: 1})


def test_an_empty_rubric_is_refused(tmp_path):
    config = trial(tmp_path, "http://127.0.0.1:9/v1")
    (tmp_path / "rubric.md").write_text(" \n")
    with pytest.raises(DataError, match=r"metrics.helpful.rubric: .* has no text; write it"):
        checked_files(config)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"endpoint": "localhost:8000"}, "such as http://localhost:8000/v1"),
        ({"key_env": "sk-very-secret"}, "the key itself does not belong in a sweep file"),
        ({"mode": "pairwise"}, "'pairwise' is what is asked; write ask: pairwise"),
        ({"range": (5, 5)}, "range 5 to 5 is empty"),
        ({"ask": "pairwise", "mode": "min"}, "leave mode out"),
    ],
)
def test_settings_that_make_no_sense(settings, said):
    with pytest.raises(ValidationError) as found:
        JudgeMetric(**{"endpoint": "http://x/v1", "model": "j", "rubric": "r", **settings})
    (detail,) = found.value.errors(include_input=False)
    assert said in detail["msg"] and "very-secret" not in detail["msg"]


class Watch(Monitor):
    """Keeps evaluations, and has the answers written."""

    def __init__(self, folder):
        self.seen, self._folder = [], folder

    def evaluated(self, evaluation):
        self.seen.append(evaluation)
        return Verdict(answers=self._folder / "answers")


def test_a_trials_answers_are_compared_with_the_bases(tmp_path):
    """The judge likes an answer by a hash of it, so that its verdict can be computed again."""
    from trainables.training.workshop import Workshop

    def likes(text):
        return hashlib.sha256(text.encode()).hexdigest()

    def longer(messages):
        first, second = (tagged(f"answer_{each}", messages) for each in "AB")
        return f"Better: {'A' if likes(first) > likes(second) else 'B'}"

    chats.make_chats(tmp_path)
    (tmp_path / "rubric.md").write_text("Be good.")
    with judge_server(longer) as (server, endpoint):
        prices = {"input": 1.0, "output": 1.0}
        config = trial(tmp_path, endpoint, ask="pairwise", prices=prices)
        workshop, watch = (
            Workshop(prepare_inputs(config, tmp_path / "cache").inputs),
            Watch(tmp_path),
        )
        base = workshop.measure_base(config, answers=tmp_path / "base")
        assert base.metrics["eval_helpful"] == 0.5 and not server.requests
        assert workshop.train(config, watch).ending is Ending.COMPLETE
    mine, theirs = (
        [
            json.loads(line)["answer"]
            for line in (tmp_path / name / SAMPLES).read_text().splitlines()
        ]
        for name in ("answers", "base")
    )
    assert len(mine) == len(theirs) == 13 and mine != theirs
    wins = [
        0.5 if a == b else float(likes(a) > likes(b)) for a, b in zip(mine, theirs, strict=True)
    ]
    last = watch.seen[-1]
    assert last.metrics["eval_helpful"] == pytest.approx(sum(wins) / 13)
    values = np.load(tmp_path / "answers" / "values.npz")
    assert values["eval_helpful"].tolist() == wins
    assert last.cost.judge_tokens == 120 * len(server.requests)
    assert last.cost.judge_dollars == pytest.approx(last.cost.judge_tokens / 1e6)


def test_a_trial_whose_judge_fails_is_refused_and_the_workshop_goes_on(tmp_path):
    from trainables.training.workshop import Workshop

    chats.make_chats(tmp_path)
    (tmp_path / "rubric.md").write_text("Be good.")
    with judge_server(lambda messages: error(401, "no")) as (_, endpoint):
        config = trial(tmp_path, endpoint)
        workshop = Workshop(prepare_inputs(config, tmp_path / "cache").inputs)
        with pytest.raises(RefusedError, match="refused with HTTP 401"):
            workshop.train(config, Watch(tmp_path))
        plain = config.with_params({"metrics": {}, "evaluation.metrics": []})
        assert workshop.train(plain, Watch(tmp_path)).ending is Ending.COMPLETE


def test_only_scores_can_be_rewards():
    """Training prompts have no answers of the base to compare with."""
    own = {"endpoint": "http://x/v1", "model": "j", "rubric": "r"}
    settings = {
        "model": "m",
        "objective": "grpo",
        "data": {"train": "x"},
        "rl": {"rewards": {"eval_helpful": 1}},
    }
    assert "eval_helpful" in TrialConfig(**settings, metrics={"helpful": own}).evaluation.metrics
    with pytest.raises(ValidationError, match="reward a judge with ask: score"):
        TrialConfig(**settings, metrics={"helpful": {**own, "ask": "pairwise"}})
