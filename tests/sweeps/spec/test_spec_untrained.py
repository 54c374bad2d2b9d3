"""What is refused of methods that train nothing, and of data.retrieve, before the first trial."""

from __future__ import annotations

import chat_training as chats
import pytest
from spec_samples import problems_of, sft_tree

from sweeps.base.errors import SweepError
from sweeps.inputs.prepare import inputs_of
from sweeps.inputs.prompt_checks import check_prompts
from sweeps.spec.notes import notes
from sweeps.spec.spec import SweepSpec

ANSWERS = {"metric": "eval_exact_match", "early_stopping": "none"}


def problems(tmp_path, knowledge: bool = True, retrieve: dict | None = None, **changes) -> str:
    (tmp_path / "page.md").write_text("A page.")
    data = {"train": str(tmp_path / "data.jsonl")}
    data |= {"knowledge": str(tmp_path / "page.md")} if knowledge else {}
    data |= {"retrieve": retrieve} if retrieve else {}
    tree = sft_tree(tmp_path, **{"data": data, "search": ANSWERS, **changes})
    return "\n".join(problems_of(tree))


def searching(*methods: str) -> dict:
    return {"method": {"choice": list(methods)}}


@pytest.mark.parametrize(
    "changes", [{"method": "rag"}, {"space": searching("lora", "rag")}], ids=["fixed", "searched"]
)
def test_rag_without_knowledge_is_refused(tmp_path, changes):
    said = problems(tmp_path, knowledge=False, **changes)
    assert "data.knowledge" in said and "method rag looks up passages in it" in said
    assert "set it to text files, or to a folder of them" in said


def test_knowledge_that_does_not_exist_is_refused_by_its_path(tmp_path):
    gone = str(tmp_path / "gone")
    data = {"train": str(tmp_path / "data.jsonl"), "knowledge": gone}
    said = "\n".join(problems_of(sft_tree(tmp_path, data=data, search=ANSWERS, method="rag")))
    assert "data.knowledge" in said and gone in said and "does not exist" in said


@pytest.mark.parametrize("objective", ["dpo", "orpo", "clm", "reward", "classification"])
def test_data_retrieve_needs_prompts(tmp_path, objective):
    said = problems(
        tmp_path,
        retrieve={"source": "knowledge"},
        objective=objective,
        search={"metric": "eval_loss", "early_stopping": "none"},
    )
    assert "data.retrieve: changes the prompts of chats" in said and objective in said
    assert "leave it out, or use objective sft" in said


@pytest.mark.parametrize("method", ["few_shot", "rag"])
def test_prompts_are_not_changed_twice(tmp_path, method):
    said = problems(tmp_path, retrieve={"count": 1}, method=method)
    assert f"changes every prompt already, so method {method} cannot" in said


@pytest.mark.parametrize("method", ["few_shot", "rag"])
@pytest.mark.parametrize("objective", ["dpo", "clm"])
def test_what_changes_prompts_needs_chats(tmp_path, method, objective):
    search = {"metric": "eval_loss", "early_stopping": "none"}
    said = problems(tmp_path, method=method, objective=objective, search=search)
    assert "method" in said and method in said and f"objective {objective}" in said


@pytest.mark.parametrize("method", ["few_shot", "rag"])
def test_what_changes_prompts_is_judged_by_answers(tmp_path, method):
    said = problems(tmp_path, method=method, search={"metric": "eval_loss"})
    assert "search.metric: eval_exact_match" in said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"source": "knowledge", "retriever": "random"}, "random passages tell nothing"),
        ({"layout": "{question}"}, "has {passages} 0 times"),
        ({"layout": "{passages} {context} {question}"}, "has {context}, which nothing fills in"),
        ({"count": True}, "data.retrieve.count: true: must be a number"),
        ({"count": 0}, "data.retrieve.count"),
    ],
)
def test_bad_settings_of_data_retrieve_are_refused(tmp_path, settings, said):
    assert said in problems(tmp_path, retrieve=settings)


DENSE = {"method": {"choice": ["lora", "rag"]}, "rag.retriever": {"choice": ["bm25", "dense"]}}


def test_an_encoder_that_is_not_there_is_known_when_the_spec_is_read(tmp_path):
    gone = str(tmp_path / "gone")
    said = problems(tmp_path, space=DENSE, rag={"encoder": gone})
    assert said.startswith(f"rag.encoder: folder {gone} does not exist; correct it")
    searched = {**DENSE, "rag.encoder": {"choice": [gone, "org/encoder"]}}
    said = problems(tmp_path, space=searched)
    assert said.startswith(f"space.rag.encoder: folder {gone}") and "org/encoder" not in said
    said = problems(tmp_path, method="few_shot", few_shot={"retriever": "dense", "encoder": gone})
    assert said.startswith(f"few_shot.encoder: folder {gone} does not exist")


def test_an_encoder_needs_its_package(tmp_path, monkeypatch):
    monkeypatch.setattr("sweeps.spec.encoders.find_spec", lambda name: None)
    said = problems(tmp_path, space=DENSE, rag={"encoder": "org/encoder"})
    assert "rag.encoder: org/encoder needs sentence-transformers, which is not installed" in said
    assert "pip install winnow-sweeps[retrieval], or leave it out" in said


def accepted(tmp_path, elsewhere: bool = False, **changes) -> SweepSpec:
    (tmp_path / "page.md").write_text("A page.")
    data = {"train": str(tmp_path / "data.jsonl"), "knowledge": str(tmp_path / "page.md")}
    tree = sft_tree(tmp_path, data=data, search=ANSWERS, **changes)
    return SweepSpec.parse(tree, elsewhere=elsewhere)


def test_an_encoder_that_nothing_uses_is_noted_and_not_looked_for(tmp_path):
    idle = "rag.encoder has no effect: only rag.retriever: dense uses it."
    by_words = {"method": {"choice": ["lora", "rag"]}, "rag.passages": {"choice": [1, 3]}}
    assert idle in notes(accepted(tmp_path, space=by_words, rag={"encoder": "/gone"}))
    assert idle not in notes(accepted(tmp_path, space=DENSE, rag={"encoder": "org/encoder"}))
    assert idle not in notes(accepted(tmp_path, space=by_words))


def test_an_encoder_of_another_machine_is_not_looked_for_here(tmp_path, monkeypatch):
    monkeypatch.setattr("sweeps.spec.encoders.find_spec", lambda name: None)
    assert accepted(tmp_path, elsewhere=True, space=DENSE, rag={"encoder": "/on/the/nodes"})


def test_what_is_no_encoder_is_known_before_the_first_trial(folder):
    (folder / "encoder").mkdir()
    data = {"train": str(folder / "train.jsonl"), "knowledge": str(folder / "train.txt")}
    (folder / "train.txt").write_text("A page.")
    tree = {"name": "few", "model": str(folder / "model"), "budget": {"trials": 4}, "data": data}
    for name, said in (
        (str(folder / "encoder"), "has neither modules.json nor config.json; name a model's fold"),
        ("no--such/encoder", "could be loaded from the hub; check the spelling and the network"),
        (str(folder / "model"), None),
    ):
        space = {**DENSE, "rag.encoder": {"choice": [name]}}
        short = {"max_new_tokens": 8}
        spec = SweepSpec.parse({**tree, "search": ANSWERS, "space": space, "evaluation": short})
        prepared = inputs_of(spec.trial, folder / "cache")
        if said is None:
            check_prompts(spec, prepared)
            continue
        with pytest.raises(SweepError, match=f"space.rag.encoder: .*{said}"):
            check_prompts(spec, prepared)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("few")
    chats.make_chats(folder)  # 40 different training records
    return folder


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"method": "few_shot", "few_shot": {"count": 41}}, 41),
        ({"method": "few_shot", "few_shot": {"count": 40}}, None),
        ({"few_shot": {"count": 41}}, None),  # method lora reads no examples
        (
            {
                "space": {
                    "method": {"choice": ["lora", "few_shot"]},
                    "few_shot.count": {"choice": [4, 64], "when": {"method": "few_shot"}},
                }
            },
            64,
        ),
        (
            {
                "space": {
                    "method": {"choice": ["lora", "few_shot"]},
                    "few_shot.count": {"choice": [4, 8], "when": {"method": "few_shot"}},
                }
            },
            None,
        ),
    ],
)
def test_more_examples_than_the_training_set_has_are_refused(folder, changes, count):
    data = {"train": str(folder / "train.jsonl"), "validation": str(folder / "ask.jsonl")}
    fields = {"model": str(folder / "model"), "data": data, "search": ANSWERS}
    space = {"learning_rate": {"log_uniform": [1e-4, 1e-3]}}
    tree = {"name": "few", "budget": {"trials": 4}, "space": space, **fields, **changes}
    spec = SweepSpec.parse({**tree, "evaluation": {"max_new_tokens": 8}})
    prepared = inputs_of(spec.trial, folder / "cache")
    if count is None:
        check_prompts(spec, prepared)
        return
    said = rf"few_shot.count {count}: the training set has 40 examples; lower it to 40, or add"
    with pytest.raises(SweepError, match=said):
        check_prompts(spec, prepared)


def test_how_passages_are_cut_has_no_effect_on_examples(tmp_path):
    (tmp_path / "page.md").write_text("A page.")
    data = {"train": str(tmp_path / "data.jsonl"), "knowledge": str(tmp_path / "page.md")}
    for source, said in (("examples", True), ("knowledge", False)):
        data["retrieve"] = {"source": source, "chunk_tokens": 64}
        spec = SweepSpec.parse(sft_tree(tmp_path, data=data, search=ANSWERS))
        wanted = "data.retrieve.chunk_tokens has no effect with data.retrieve.source: examples."
        assert (wanted in notes(spec)) is said


def test_a_range_has_no_effect_on_pairs(tmp_path):
    (tmp_path / "rubric.md").write_text("Right is good.")
    judge = {"endpoint": "http://localhost/v1", "model": "m", "rubric": str(tmp_path / "rubric.md")}
    for ask, said in (("pairwise", True), ("score", False)):
        metrics = {"j": {**judge, "ask": ask, "range": [1, 5]}}
        spec = SweepSpec.parse(sft_tree(tmp_path, metrics=metrics, search=ANSWERS))
        assert ("metrics.j.range has no effect with ask: pairwise." in notes(spec)) is said


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("evaluation.prompts", {"evaluation": {"prompts": True}}),
        ("few_shot.count", {"method": "few_shot", "few_shot": {"count": True}}),
        ("lora.dropout", {"lora": {"dropout": False}}),
        ("data.validation", {"data": {"train": "data.jsonl", "validation": True}}),
        ("budget.evaluations", {"budget": {"trials": 2, "evaluations": True}}),
    ],
)
def test_true_and_false_are_no_numbers(tmp_path, field, change):
    tree = sft_tree(tmp_path, **{"search": ANSWERS, **change})
    assert any(each.startswith(field) and "number" in each for each in problems_of(tree))
