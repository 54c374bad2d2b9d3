"""Trials that train nothing: the base as it is, with examples, or with passages in its prompt."""

from __future__ import annotations

import chat_training as chats
import pytest
import tiny_training as tiny
from data_samples import write_lines

from trainables.core.model_source import ModelSource
from trainables.data.sets.prepare import prepare
from trainables.training.inputs import Inputs

TOWNS = [f"The mayor of Town{n} is called Name{n}. " + "It lies by a river. " * 5 for n in range(9)]


class Answers(tiny.Watcher):
    """Keeps what a trial writes into `folder`."""

    def evaluated(self, evaluation):
        from dataclasses import replace

        return replace(super().evaluated(evaluation), answers=self._folder / "answers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("asked")


@pytest.fixture(scope="module")
def workshop(folder):
    from trainables.training.workshop import Workshop

    chats.make_chat_model(folder / "model", context=768)
    rows = [
        {"instruction": f"who is the mayor of Town{n % 9}? ({n})", "output": f"Name{n % 9}"}
        for n in range(30)
    ]
    write_lines(folder / "train.jsonl", rows[:20])
    write_lines(folder / "ask.jsonl", rows[20:])
    (folder / "docs").mkdir()
    for number, text in enumerate(TOWNS):
        (folder / "docs" / f"{number}.md").write_text(text)
    config = trial(folder)
    data = prepare(config, config.model, folder / "cache")
    found = Inputs(ModelSource(config.model), data.train, data.validation, knowledge=data.knowledge)
    return Workshop(found)


def trial(folder, **params):
    costs = ["eval_prompt_tokens", "eval_looked_up", "eval_answer_seconds"]
    return chats.chat_trial(
        folder,
        data__knowledge=str(folder / "docs"),
        evaluation__metrics=["eval_exact_match", *costs],
        **params,
    )


def prompts_of(workshop, config):
    model = workshop.lend(config)
    asked = workshop.lookups.prompts(workshop.validation_set.folder, config, model)
    texts = asked.asked(range(10)).values()
    return [workshop.tokenizer.decode(each.tokens) for each in texts]


def ran(workshop, folder, **params):
    watcher = Answers(folder)
    outcome = workshop.train(trial(folder, **params), watcher)
    return outcome, watcher


def test_the_base_as_a_trial_measures_what_the_base_does(workshop, folder):
    base = workshop.measure_base(trial(folder))
    outcome, watcher = ran(workshop, folder, method="none")
    (only,) = watcher.seen
    timed = "eval_answer_seconds"
    assert {**only.metrics, timed: 0} == {**base.metrics, timed: 0}
    assert (only.point, only.step, outcome.ending.value) == (2, 0, "complete")
    assert outcome.cost.trainable_parameters == 0 < outcome.cost.total_parameters
    assert outcome.cost.tokens == 0
    assert not (folder / "weights").exists()


def test_examples_stand_before_the_question_as_turns_of_the_chat(workshop, folder):
    """The ids are the template's own for a chat that begins with the examples."""
    config = trial(folder, method="few_shot", few_shot__count=2, few_shot__retriever="bm25")
    for number, text in enumerate(prompts_of(workshop, config), start=20):
        turns = [{"role": "user", "content": f"who is the mayor of Town{number % 9}? ({number})"}]
        # The rows 9 and 18 before ask for the same town; the more alike of them comes last.
        town = number % 9
        same = [n for n in range(20) if n % 9 == town][:3]
        found = [n for n in same if f"({n})" in text]
        assert len(found) == 2, text
        shown = sorted(found, key=lambda n: text.index(f"({n})"))
        examples = [
            turn
            for n in shown
            for turn in (
                {"role": "user", "content": f"who is the mayor of Town{town}? ({n})"},
                {"role": "assistant", "content": f"Name{town}"},
            )
        ]
        assert text == workshop.tokenizer.apply_chat_template(
            [*examples, *turns], add_generation_prompt=True, tokenize=False
        )


def test_random_examples_are_the_same_for_all_prompts_and_nested(workshop, folder):
    def shown(count):
        texts = prompts_of(workshop, trial(folder, method="few_shot", few_shot__count=count))
        return {text.rpartition("who is")[0] for text in texts}

    (two,), (four,) = shown(2), shown(4)
    assert four.endswith(two), "the smaller number is part of the larger"
    assert four.count("who is") == 4


@pytest.mark.parametrize("retriever", ["bm25", "dense"])
def test_passages_stand_in_the_question(workshop, folder, retriever):
    """By words, the town's own page comes first."""
    layout = "read this: {passages} now {question}"
    config = trial(
        folder, method="rag", rag__passages=1, rag__retriever=retriever, rag__layout=layout
    )
    for number, text in enumerate(prompts_of(workshop, config), start=20):
        assert "read this: The mayor of Town" in text
        if retriever == "bm25":
            assert f"read this: {TOWNS[number % 9].strip()} now who" in text


def test_what_does_not_fit_the_context_is_left_out_and_counted(workshop, folder):
    _, watcher = ran(workshop, folder, method="few_shot", few_shot__count=20)
    (only,) = watcher.seen
    assert 0 < only.metrics["eval_looked_up"] < 20
    config = trial(folder, method="few_shot", few_shot__count=20)
    asked = workshop.lookups.prompts(
        workshop.validation_set.folder, config, workshop.lend(config)
    ).asked(range(10))
    for each in asked.values():
        room = 768 - config.evaluation.max_new_tokens
        assert len(each.tokens) <= room
    one_more = prompts_of(workshop, trial(folder, method="few_shot", few_shot__count=1))
    size = len(workshop.tokenizer(one_more[0].partition("<|im_end|>")[0])["input_ids"])
    assert all(room - len(each.tokens) < 3 * size for each in asked.values()), "as many as fit"


def test_what_an_answer_costs_is_measured(workshop, folder):
    measured = {}
    for method in ("none", "few_shot", "rag"):
        _, watcher = ran(workshop, folder, method=method)
        measured[method] = watcher.seen[0].metrics
    assert measured["none"]["eval_looked_up"] == 0
    assert measured["few_shot"]["eval_looked_up"] == 4
    tokens = {method: each["eval_prompt_tokens"] for method, each in measured.items()}
    assert tokens["none"] < tokens["few_shot"] and tokens["none"] < tokens["rag"]
    assert all(each["eval_answer_seconds"] > 0 for each in measured.values())
    assert "eval_loss" in measured["none"] and "eval_loss" not in measured["rag"]


def test_a_trial_without_training_leaves_the_base_as_it_was(workshop, folder):
    base = workshop.lend(trial(folder))
    before = tiny.fingerprint(base), base.training
    ran(workshop, folder, method="rag", rag__retriever="dense")
    assert (tiny.fingerprint(base), base.training) == before


@pytest.mark.parametrize("method", ["none", "few_shot", "rag"])
def test_a_question_is_answered_as_in_the_trial(workshop, folder, method):
    """One at a time and streamed, or in the batches of a measurement."""
    from trainables.training.generation.answering import answering

    config = trial(folder, method=method)
    with workshop.untouched(config) as base:
        written = workshop.written(config, base).answers
    assert len({each.text for each in written}) > 1, "else equal answers would say nothing"
    with answering(workshop, config, None) as ready:
        for each in written:
            said = []
            ready.answer(each.question, config.evaluation.max_new_tokens, said.append)
            assert "".join(said) == each.text
