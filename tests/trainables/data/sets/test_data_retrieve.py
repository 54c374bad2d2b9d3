"""data.retrieve: what is looked up stands in the prompts, and the answers stay as they were."""

from __future__ import annotations

import chat_training as chats
import numpy as np
import pytest
from data_samples import write_lines

from trainables.core.model_source import ModelSource
from trainables.data.retrieval.chats import load_asked, load_chats
from trainables.data.sets.prepare import prepare
from trainables.data.tokens.examples import Examples
from trainables.data.tokens.prompts import Prompts
from trainables.data.tokens.tokenizer import load_tokenizer

CONTEXT = 512
TOWNS = [f"The mayor of Town{n} is called Name{n}, as all there know." for n in range(8)]
ROWS = [
    {"instruction": f"who is the mayor of Town{n % 8}? ({n})", "output": f"Name{n % 8}"}
    for n in range(24)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("retrieve")
    chats.make_chat_model(folder / "model", context=CONTEXT)
    write_lines(folder / "train.jsonl", ROWS[:16])
    write_lines(folder / "ask.jsonl", ROWS[16:])
    (folder / "docs").mkdir()
    for number, text in enumerate(TOWNS):
        (folder / "docs" / f"{number}.md").write_text(text)
    return folder


class Sets:
    """The prepared texts of a trial's sets."""

    def __init__(self, folder, **params):
        config = chats.chat_trial(folder, data__knowledge=str(folder / "docs"), **params)
        self.data = prepare(config, config.model, folder / "cache")
        self._tokenizer = load_tokenizer(ModelSource(config.model))

    def examples(self, name: str) -> list[tuple[str, str]]:
        """The prompt and the trained part of each example."""
        found = []
        opened = Examples(self.data.folder / name)
        for number in range(len(opened)):
            (sequence,) = opened[number].sequences
            learned = np.asarray(sequence.targets, bool)
            tokens = np.asarray(sequence.tokens)
            found.append(
                (self._tokenizer.decode(tokens[~learned]), self._tokenizer.decode(tokens[learned]))
            )
        return found

    def prompts(self) -> list[str]:
        asked = Prompts(self.data.validation).asked(range(8))
        return [self._tokenizer.decode(each.tokens) for each in asked.values()]


def retrieving(**settings):
    return {f"data__retrieve__{name}": value for name, value in settings.items()}


@pytest.fixture(scope="module")
def plain(folder):
    return Sets(folder)


@pytest.fixture(scope="module")
def with_passages(folder):
    layout = "read: {passages} now {question}"
    return Sets(folder, **retrieving(source="knowledge", count=1, layout=layout))


@pytest.mark.parametrize("name", ["train", "validation"])
def test_each_prompt_holds_the_passage_of_its_town_and_the_targets_are_unchanged(
    plain, with_passages, name
):
    rows = ROWS[:16] if name == "train" else ROWS[16:]
    asked = [prompt for prompt, _ in with_passages.examples(name)]
    for row in rows:
        town = int(row["output"].removeprefix("Name"))
        wanted = f"read: {TOWNS[town]} now {row['instruction']}<|im_end|>"
        assert sum(wanted in prompt for prompt in asked) == 1, row
    before = [answer for _, answer in plain.examples(name)]
    assert [answer for _, answer in with_passages.examples(name)] == before
    assert not any("read: " in prompt for prompt, _ in plain.examples(name))


def test_generation_asks_with_the_passages_too(with_passages):
    for row, prompt in zip(ROWS[16:], with_passages.prompts(), strict=True):
        town = int(row["output"].removeprefix("Name"))
        assert f"read: {TOWNS[town]} now {row['instruction']}<|im_end|>" in prompt
        assert prompt.endswith("<|im_start|>assistant\n")


def test_examples_are_of_the_training_set_and_never_the_own_one(folder):
    sets = Sets(folder, **retrieving(source="examples", count=2))
    for name in ("train", "validation"):
        for prompt, _ in sets.examples(name):
            questions = [part.partition("<|im_end|>")[0] for part in prompt.split("who is ")[1:]]
            assert len(questions) == 3 == len(set(questions)), prompt
            shown = {int(each.rpartition("(")[2].rstrip(")")) for each in questions[:-1]}
            assert shown <= set(range(16)), "validation chats are never shown"


def test_as_many_as_fit_and_said(folder):
    sets = Sets(folder, **retrieving(source="examples", count=15))
    opened = Examples(sets.data.train)
    lengths = [len(opened[number].sequences[0].tokens) for number in range(len(opened))]
    assert CONTEXT - 100 < max(lengths) <= CONTEXT
    (note,) = (each for each in sets.data.summary.notes if "data.retrieve" in each)
    assert "24 of 24 prompts have fewer than 15: no more are found, or fit max_length" in note


def test_a_reward_model_reads_the_chats_that_were_asked_in_training_as_in_evaluations(folder):
    """Those that can be examples for others stay as they are."""
    found = Sets(
        folder,
        objective="grpo",
        rl={"rewards": {"eval_exact_match": 1.0}},
        data__retrieve={"count": 1},
    )
    for each in (found.data.train, found.data.validation):
        asked = [chat.question for chat in load_asked(each)]
        assert asked == Prompts(each).questions
        assert all("The mayor of" in question for question in asked)
    shown = [chat.question for chat in load_chats(found.data.train)]
    assert not any("The mayor of" in question for question in shown)


def test_a_chat_whose_passages_the_template_refuses_stays_without_them(folder, tmp_path):
    template = tmp_path / "refusing.jinja"
    template.write_text(
        "{% for turn in messages %}"
        "{% if 'Town3 is called' in turn.content %}{{ raise_exception('no') }}{% endif %}"
        "{{ turn.role }}: {{ turn.content }}{{ eos_token }}"
        "{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
    )
    found = Sets(folder, data__template=str(template), data__retrieve={"count": 1})
    learned = found.examples("train")
    assert len(learned) == 16
    bare = [prompt for prompt, _ in learned if "The mayor of" not in prompt]
    assert len(bare) == 2 and all("Town3?" in prompt for prompt in bare)
