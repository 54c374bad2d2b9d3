"""Scoring files: what they are given and may return, and what the bad ones do to a trial."""

from __future__ import annotations

import math
import random

import chat_training as chats
import pytest
from data_samples import write_lines

from trainables.config.own_metrics import CodeMetric
from trainables.core.data_error import DataError
from trainables.core.errors import RefusedError
from trainables.core.evaluation import Ending, Monitor, Verdict
from trainables.metrics.written import Answer
from trainables.training.inputs import prepare_inputs
from trainables.training.scoring.code import ScoringFile
from trainables.training.scoring.returned import scored

ANSWERS = tuple(
    Answer(place, f"ask {place}", text, ("4", "four"), 2, ended=True, record={"level": place})
    for place, text in enumerate(("4", "<think>2+2</think> four", "5"))
)
HEAD = "def score(prompts, answers, references, records):\n"


def run(body, modes=None, limit=30.0, head=HEAD):
    metric = CodeMetric(python="my/scoring.py:score", mode=None if modes else "max", modes=modes)
    text = head + "".join(f"    {line}\n" for line in body.splitlines())
    value = ScoringFile("mine", metric, text).values(ANSWERS, limit)
    return scored("mine", metric, value, len(ANSWERS))


def test_a_file_gets_prompts_answers_references_and_records():
    """As an independent truth, the function itself says whether each is what it should be."""
    found = run(
        "given = zip(prompts, answers, references, records)\n"
        "right = [('ask 0', '4'), ('ask 1', 'four'), ('ask 2', '5')]\n"
        "return [(p, a) == right[n] and r == ['4', 'four'] and c == {'level': n}\n"
        "        for n, (p, a, r, c) in enumerate(given)]"
    )
    assert found["eval_mine"].each == [1, 1, 1]


@pytest.mark.parametrize(
    ("returned", "value", "each"),
    [
        ("[1, 0, 0.5]", 0.5, [1, 0, 0.5]),
        ("numpy.array([True, False, True])", 2 / 3, [1, 0, 1]),
        ("0.25", 0.25, None),
        ("numpy.float32(0.25)", 0.25, None),
    ],
)
def test_a_file_may_return_values_or_one(returned, value, each):
    found = run(f"return {returned}", head="import numpy\n" + HEAD)["eval_mine"]
    assert (found.value, found.each) == (pytest.approx(value), each)


@pytest.mark.parametrize(
    "returned", ["{'f1': [1, 0, 0], 'size': 3}", "[{'f1': n < 1, 'size': 3} for n in range(3)]"]
)
def test_a_dict_is_several_metrics(returned):
    found = run(f"return {returned}", modes={"f1": "max", "size": "min"})
    assert {name: each.value for name, each in found.items()} == {
        "eval_mine_f1": pytest.approx(1 / 3),
        "eval_mine_size": 3,
    }
    assert found["eval_mine_f1"].each == [1, 0, 0]


def test_nan_stays_nan():
    assert math.isnan(run("return [1, float('nan'), 1]")["eval_mine"].value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("x = 1\nraise ValueError('odd\\nanswer')", "scoring.py, line 3: ValueError: odd answer"),
        ("import json\njson.loads('{')", "scoring.py, line 3: JSONDecodeError"),
        ("import sys\nsys.exit(3)", "scoring.py, line 3: sys.exit(3) was called; a metric"),
        ("import os\nos._exit(3)", "scoring.py, ended its process with code 3"),
        ("import time\ntime.sleep(60)", "longer than 1 s; make it faster, or raise slots.trial_ti"),
        ("return None", "returned null where a number is needed"),
        ("return [1, 2]", "returned 2 values for 3 answers"),
        ("return {'f1': 1.0}", "state each direction: modes: {f1: max}"),
        ("return ['1', 2, 3]", "returned str '1' where a number is needed"),
        ("return object()", "returned a object, which is no number, list or dict"),
    ],
)
def test_a_file_that_fails_is_one_line(body, said):
    with pytest.raises(ValueError) as error:
        run(body, limit=1.0 if "sleep" in body else 30.0)
    text = str(error.value)
    assert text.startswith("metrics.mine: my/scoring.py") and said in text and "\n" not in text
    if isinstance(error.value, RefusedError):
        assert "first prompt: 'ask 0'" in text


def test_other_keys_than_stated_are_refused():
    with pytest.raises(ValueError, match="returned the keys f2, and modes has f1"):
        run("return {'f2': 1.0}", modes={"f1": "max"})


def test_secrets_and_prints_go_nowhere(monkeypatch, capfd):
    monkeypatch.setenv("JUDGE_API_KEY", "sk-very-secret")
    body = "import os, sys\nkey = os.environ['JUDGE_API_KEY']\n"
    body += "print(key)\nprint(key, file=sys.stderr)\n"
    assert run(body + "return 1.0")["eval_mine"].value == 1
    with pytest.raises(RefusedError) as error:
        run(body + "raise ValueError(key)")
    assert "sk-very-secret" not in str(error.value) and "$JUDGE_API_KEY" in str(error.value)
    assert "sk-very-secret" not in "".join(capfd.readouterr())


def test_random_state_and_modules_stay_the_trainers():
    import torch

    random.seed(5), torch.manual_seed(5)
    wanted = random.random(), torch.rand(1).item()
    random.seed(5), torch.manual_seed(5)
    run("import random, sys\nrandom.seed(1)\nsys.modules.clear()\nreturn 1.0")
    assert (random.random(), torch.rand(1).item()) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "import no_such_module\n",
            "line 1: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        ("def score(:\n", "line 1: SyntaxError"),
        ("def other(a):\n    pass\n", "there is no function score; its functions: other"),
        (
            "def score(answers):\n    pass\n",
            "score must take (prompts, answers, references, records)",
        ),
        ("open('words.txt')\n", "line 1: FileNotFoundError"),
        ("import time\ntime.sleep(60)\n", "took longer than 1 s; load less when it is imported"),
    ],
)
def test_files_that_cannot_score_are_known_before_the_first_trial(text, said):
    metric = CodeMetric(python="scoring.py:score", mode="max")
    with pytest.raises(RefusedError) as error:
        ScoringFile("mine", metric, text).check(1.0 if "sleep" in text else 30.0)
    assert f"metrics.mine: scoring.py, {said}" in str(error.value)
    way_out = "; correct it: it may import installed packages, and has no files beside it"
    assert str(error.value).endswith("when it is imported" if "sleep" in text else way_out)


class Watch(Monitor):
    """Keeps evaluations, and has the answers written."""

    def __init__(self, folder):
        self.seen, self._folder = [], folder

    def evaluated(self, evaluation):
        self.seen.append(evaluation)
        return Verdict(losses=self._folder / "losses.npz", answers=self._folder / "answers")


def trained(folder, text, **params):
    """A trial judged by a scoring file: the workshop and the trial's watch."""
    from trainables.training.workshop import Workshop

    folder.mkdir()
    chats.make_chats(folder)
    write_lines(folder / "ask.jsonl", [{**row, "level": n} for n, row in enumerate(chats.sums(13))])
    (folder / "scoring.py").write_text(text)
    own = {"mine": {"python": str(folder / "scoring.py:score"), "mode": "max"}}
    config = chats.chat_trial(folder, metrics=own, trust_metric_code=True, **params)
    inputs = prepare_inputs(config, folder / "cache").inputs
    watch = Watch(folder)
    return Workshop(inputs), config, watch


def test_a_trial_is_scored_by_its_file(tmp_path):
    """The records' own column comes back as the metric, and training is that of a trial without."""
    import numpy as np

    text = HEAD + "    import random; random.seed(0)\n    return [r['level'] for r in records]\n"
    workshop, config, watch = trained(tmp_path / "a", text)
    assert workshop.measure_base(config).metrics["eval_mine"] == pytest.approx(6)
    assert workshop.train(config, watch).ending is Ending.COMPLETE
    assert watch.seen[-1].metrics["eval_mine"] == pytest.approx(6)
    values = np.load(tmp_path / "a" / "answers" / "values.npz")
    assert values["eval_mine"].tolist() == [*range(13)]
    plain = Watch(tmp_path / "a")
    workshop.train(config.with_params({"metrics": {}, "evaluation.metrics": []}), plain)
    assert plain.seen[-1].metrics["eval_loss"] == watch.seen[-1].metrics["eval_loss"]


def test_a_trial_whose_file_raises_is_refused_and_the_workshop_goes_on(tmp_path):
    text = HEAD + "    raise ValueError('no')\n"
    workshop, config, watch = trained(tmp_path / "a", text)
    with pytest.raises(RefusedError, match=r"line 2: ValueError: no; first prompt: 'add 0 and 0'"):
        workshop.train(config, watch)
    plain = config.with_params({"metrics": {}, "evaluation.metrics": []})
    assert workshop.train(plain, watch).ending is Ending.COMPLETE


def test_missing_and_changed_files(tmp_path):
    from trainables.training.scoring.files import fingerprints

    workshop, config, _ = trained(tmp_path / "a", HEAD + "    return 1.0\n")
    before = fingerprints(workshop.inputs.metric_files)
    (tmp_path / "a" / "scoring.py").write_text(HEAD + "    return 2.0\n")
    after = prepare_inputs(config, tmp_path / "a" / "cache").inputs
    assert before != fingerprints(after.metric_files)
    # The sweep's trials keep to the text that was read at its start.
    assert workshop.measure_base(config).metrics["eval_mine"] == 1
    (tmp_path / "a" / "scoring.py").unlink()
    with pytest.raises(DataError, match=r"metrics.mine.python: .* cannot be read"):
        prepare_inputs(config, tmp_path / "a" / "cache")
