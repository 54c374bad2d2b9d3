from __future__ import annotations

import json
import math
import threading
import time

import pytest

from sweeps.builtin import model as builtin
from sweeps.builtin.corpus import Source
from sweeps.builtin.model import ensure, resolve
from sweeps.builtin.pretraining import Recipe, mean_loss
from trainables.config.trial import TrialConfig
from trainables.core.data_error import DataError
from trainables.core.model_source import ModelSource
from trainables.core.progress import NO_PROGRESS, Progress
from trainables.data.making.blocks import blocks, tokenise
from trainables.data.sets.prepare import prepare
from trainables.data.tokens.tokenizer import load_tokenizer

TINY = Recipe(
    vocabulary=400,
    context=128,
    hidden=16,
    layers=1,
    heads=2,
    intermediate=32,
    steps=60,
    batch_size=2,
    held_out=4,
)
SOURCES = [
    Source(
        f"pack{n}",
        f'def get_{n}(x):\n    """Return the number {n} of x."""\n    return x + {n}\n' * 8,
    )
    for n in range(60)
]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builtin, "stdlib_sources", lambda: SOURCES)
        yield ensure(tmp_path_factory.mktemp("cache"), NO_PROGRESS, TINY)


def test_the_model_loads_as_any_other_and_has_learned(built):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(built.model)
    tokenizer = load_tokenizer(ModelSource(str(built.model)))
    text = blocks(tokenise(["def get_7(x):\n    return x + 7\n" * 20], tokenizer), 128)
    about = json.loads((built.model.parent / "about.json").read_text())
    untrained = math.log(TINY.vocabulary)
    assert mean_loss(model, text) < 0.8 * untrained
    assert about["text_loss"] < 0.8 * untrained
    assert about["parameters"] == model.num_parameters()


def test_the_tokenizer_has_its_special_tokens_and_no_chat_template(built):
    tokenizer = load_tokenizer(ModelSource(str(built.model)))
    names = (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token)
    assert (names, tokenizer.chat_template) == (("<s>", "</s>", "<pad>"), None)
    ids = tokenizer("def f():\n    return '细胞'")["input_ids"]
    assert ids[0] == tokenizer.bos_token_id
    assert tokenizer.decode(ids, skip_special_tokens=True) == "def f():\n    return '细胞'"


def test_the_pairs_prepare_as_any_other_data(built, tmp_path):
    config = TrialConfig(model="builtin:pydoc", data={"train": str(built.data)})
    summary = prepare(config, str(built.model), tmp_path).summary
    assert (summary.format, summary.records, summary.max_length) == ("alpaca", 480, 128)


def test_it_is_told_how_far_a_build_is(tmp_path, monkeypatch):
    monkeypatch.setattr(builtin, "stdlib_sources", lambda: SOURCES)
    told = []
    ensure(tmp_path, Progress(told.append), TINY)
    building = [phases[0] for phases in told if phases]
    assert {(each.text, each.total) for each in building[1:]} == {("building builtin:pydoc", 60)}
    steps = [each.done for each in building if each.text == "building builtin:pydoc"]
    assert steps == [0, *range(1, TINY.steps + 1)]
    assert told[-1] == (), "nothing is left open"


def test_a_second_call_builds_nothing(built, monkeypatch):
    monkeypatch.setattr(builtin, "_build", lambda *_: pytest.fail("built again"))
    assert ensure(built.data.parent.parent, NO_PROGRESS, TINY) == built


def test_the_same_recipe_gives_the_same_weights(built, tmp_path, monkeypatch):
    monkeypatch.setattr(builtin, "stdlib_sources", lambda: SOURCES)
    again = ensure(tmp_path, NO_PROGRESS, TINY)
    for name in ("model.safetensors", "tokenizer.json"):
        assert (again.model / name).read_bytes() == (built.model / name).read_bytes()
    assert again.data.read_bytes() == built.data.read_bytes()


def test_two_callers_at_once_share_one_build(tmp_path, monkeypatch):
    builds = []

    def slow_build(folder, recipe, progress):
        builds.append(folder)
        time.sleep(0.05)

    monkeypatch.setattr(builtin, "_build", slow_build)
    callers = [
        threading.Thread(target=ensure, args=(tmp_path, NO_PROGRESS, TINY)) for _ in range(3)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(builds) == 1


def test_a_failed_build_is_begun_anew(tmp_path, monkeypatch):
    def failing(folder, recipe, progress):
        (folder / "half").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(builtin, "_build", failing)
    with pytest.raises(KeyboardInterrupt):
        ensure(tmp_path, NO_PROGRESS, TINY)
    monkeypatch.setattr(builtin, "_build", lambda folder, *_: (folder / "whole").touch())
    assert [path.name for path in ensure(tmp_path, NO_PROGRESS, TINY).model.parent.iterdir()] == [
        "whole"
    ]


@pytest.mark.parametrize(
    ("model", "train", "expected"),
    [
        ("builtin:pydoc", "builtin:pydoc", ("M", ("D",))),
        ("builtin:pydoc", ("builtin:pydoc", "mine.json"), ("M", ("D", "mine.json"))),
        ("org/model", "builtin:pydoc", ("org/model", ("D",))),
        ("org/model", "mine.json", ("org/model", "mine.json")),
    ],
)
def test_builtin_names_become_paths(monkeypatch, tmp_path, model, train, expected):
    paths = builtin.BuiltinPaths(model="M", data="D")
    monkeypatch.setattr(builtin, "ensure", lambda *_: paths)
    config = resolve(TrialConfig(model=model, data={"train": train}), tmp_path)
    assert (config.model, config.data.train) == expected


def test_an_unknown_builtin_name_is_refused(tmp_path):
    config = TrialConfig(model="builtin:pydocs", data={"train": "mine.json"})
    with pytest.raises(DataError, match="builtin:pydocs is not a built-in name; use builtin:pydoc"):
        resolve(config, tmp_path)
