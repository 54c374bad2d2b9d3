"""Exports of trials that were really trained: loaded by other means, they measure the same."""

from __future__ import annotations

import json

import pytest
import tiny_training as tiny
from kept_sweep import answers, kept_sweep, tree_of

from sweeps.export import export as room
from sweeps.export.export import export
from sweeps.export.fresh_process import metrics_of
from sweeps.export.wish import Wish
from trainables.core.errors import RefusedError

ROWS = answers(40)

WAYS = {
    "full": {"method": "full"},
    "freeze": {"method": "freeze", "freeze.last_blocks": 1},
    "lora": {},
    "dora": {"lora.dora": True},
    "pissa": {"lora.init": "pissa"},
    "qlora": {"method": "qlora"},
    "adapter": {"method": "adapter", "adapter.size": 8},
    "prefix": {"method": "prefix", "prefix.virtual_tokens": 4},
    "prompt": {"method": "prompt", "prompt.virtual_tokens": 4, "prompt.init_text": "w3 w4"},
    "ptuning": {"method": "ptuning", "ptuning.virtual_tokens": 4, "ptuning.hidden_size": 24},
}
"""A trial for each way of tuning; its number is its place."""

MERGEABLE = ("lora", "dora", "pissa", "qlora")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    points = [{"learning_rate": 1e-2, **way} for way in WAYS.values()]
    return kept_sweep(folder, tree_of(folder, ROWS), points)


@pytest.fixture
def in_this_process(monkeypatch):
    """The same lines of code load the export, without the seconds of a new process."""
    monkeypatch.setattr(room, "measured_afresh", metrics_of)


def exported(home, tmp_path, way="lora", **wish):
    return export("kept", home, Wish(tmp_path / "out", list(WAYS).index(way), **wish))


@pytest.mark.parametrize("way", WAYS)
def test_an_export_measures_like_its_trial(home, tmp_path, in_this_process, way):
    done = exported(home, tmp_path, way)
    assert abs(done.model.cost) < 1e-5
    assert abs(done.model.again["eval_loss"] - done.model.sweep.base["eval_loss"]) > 1e-2
    assert done.model.whole == (done.folder / "config.json").exists() == (way in ("full", "freeze"))


@pytest.mark.parametrize("way", MERGEABLE)
def test_a_merged_export_measures_like_its_trial(home, tmp_path, in_this_process, way):
    done = exported(home, tmp_path, way, merge=True)
    assert abs(done.model.cost) < 1e-5
    assert not (done.folder / "adapter_config.json").exists()
    config = json.loads((done.folder / "config.json").read_text())
    assert "quantization_config" not in config and config["dtype"] == "float32"
    assert "peft" not in done.model.loading


def test_a_merge_that_would_lose_the_trial_is_refused_with_the_reason(home, tmp_path):
    for way in ("adapter", "prefix", "prompt", "ptuning"):
        with pytest.raises(RefusedError, match=f"--merge: a trial of method {way} cannot be"):
            exported(home, tmp_path, way, merge=True)
    assert list(tmp_path.iterdir()) == []


TIED = {
    "linear": {},
    "both": {"lora.target_modules": ["embed_tokens", "lm_head"]},
    "input": {"lora.target_modules": ["embed_tokens"]},
    "output": {"lora.target_modules": ["lm_head"]},
}


@pytest.fixture(scope="module")
def tied(tmp_path_factory):
    """A model whose embeddings are its output layer, in a way that the merge must undo."""
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("tied")
    model = AutoModelForCausalLM.from_pretrained(tiny.make_model(folder / "model"))
    model.config.tie_word_embeddings = True
    model.tie_weights()
    model.save_pretrained(folder / "model")
    points = [{"learning_rate": 1e-2, **each} for each in TIED.values()]
    return kept_sweep(folder, tree_of(folder, ROWS), points)


@pytest.mark.parametrize("number", range(len(TIED)), ids=list(TIED))
def test_an_adapter_on_a_tied_weight_survives_its_merge(tied, tmp_path, in_this_process, number):
    done = export("kept", tied, Wish(tmp_path / "out", number, merge=True))
    assert abs(done.model.cost) < 1e-5
    config = json.loads((done.folder / "config.json").read_text())
    assert config["tie_word_embeddings"] == (number == 0)


@pytest.fixture(scope="module")
def worded(tmp_path_factory):
    """Trials that learn two new tokens."""
    folder = tmp_path_factory.mktemp("worded")
    rows = [{**row, "output": f"<a> {row['output']} <b>"} for row in ROWS]
    tree = tree_of(folder, rows)
    tree["data"]["new_tokens"] = ["<a>", "<b>"]
    points = [{}, {"method": "qlora"}, {"method": "full"}]
    return kept_sweep(folder, tree, [{"learning_rate": 1e-2, **each} for each in points])


@pytest.mark.parametrize(
    ("number", "merge"), [(0, False), (0, True), (1, False), (1, True), (2, False)]
)
def test_new_tokens_are_exported(worded, tmp_path, in_this_process, number, merge):
    from transformers import AutoTokenizer

    done = export("kept", worded, Wish(tmp_path / "out", number, merge=merge))
    assert abs(done.model.cost) < 1e-5
    tokenizer = AutoTokenizer.from_pretrained(done.folder)
    assert tokenizer.convert_tokens_to_ids(["<a>", "<b>"]) == [64, 65]
    assert (done.folder / "Modelfile").exists() == done.model.whole


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """Trials of a classifier, whose head is new."""
    folder = tmp_path_factory.mktemp("classes")
    rows = [{"text": f"w{n} w{n + 1} w{n % 7}", "label": "ab"[n % 2]} for n in range(2, 42)]
    tree = tree_of(folder, rows, objective="classification")
    points = [{}, {"method": "qlora"}, {"method": "full"}, {"method": "prefix"}]
    return kept_sweep(folder, tree, [{"learning_rate": 1e-2, **each} for each in points])


@pytest.mark.parametrize(
    ("number", "merge"), [(0, False), (0, True), (1, True), (2, False), (3, False)]
)
def test_a_classifier_is_exported_with_its_head(classes, tmp_path, in_this_process, number, merge):
    done = export("kept", classes, Wish(tmp_path / "out", number, merge=merge))
    assert abs(done.model.cost) < 1e-5
    assert not (done.folder / "Modelfile").exists()
    if done.model.whole:
        config = json.loads((done.folder / "config.json").read_text())
        assert config["id2label"] == {"0": "a", "1": "b"}


@pytest.fixture(scope="module")
def preferences(tmp_path_factory):
    folder = tmp_path_factory.mktemp("preferences")
    rows = [
        {"prompt": row["instruction"], "chosen": row["output"], "rejected": row["output"][::-1]}
        for row in ROWS
    ]
    tree = tree_of(folder, rows, objective="dpo")
    return kept_sweep(folder, tree, [{"learning_rate": 1e-2}, {"method": "full"}])


@pytest.mark.parametrize(("number", "merge"), [(0, False), (0, True), (1, False)])
def test_a_preference_is_measured_against_the_base(
    preferences, tmp_path, in_this_process, number, merge
):
    done = export("kept", preferences, Wish(tmp_path / "out", number, merge=merge))
    assert abs(done.model.cost) < 1e-5


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """Trials in bf16."""
    folder = tmp_path_factory.mktemp("half")
    points = [{"learning_rate": 1e-2}, {"learning_rate": 1e-2, "method": "qlora"}]
    points.append({"learning_rate": 1e-2, "method": "full"})
    return kept_sweep(folder, tree_of(folder, ROWS, precision="bf16"), points)


@pytest.mark.parametrize(
    ("number", "wish", "dtype"),
    [
        (0, {"merge": True}, "bfloat16"),
        (0, {"merge": True, "dtype": "fp32"}, "float32"),
        (1, {"merge": True}, "bfloat16"),
        (1, {"merge": True, "dtype": "fp32"}, "float32"),
        (2, {}, "float32"),
        (2, {"dtype": "bf16"}, "bfloat16"),
    ],
)
def test_the_cost_of_rounding_is_measured_and_told(
    half, tmp_path, in_this_process, number, wish, dtype
):
    done = export("kept", half, Wish(tmp_path / "out", number, **wish))
    assert abs(done.model.cost) < 0.02
    assert json.loads((done.folder / "config.json").read_text())["dtype"] == dtype
    assert f"{done.model.cost:+.2g} against the trial" in (done.folder / "README.md").read_text()
