"""The sets of examples that each objective gets from its files."""

from __future__ import annotations

import pytest
from data_samples import alpaca_rows, save_tokenizer, write_json, write_lines

from trainables.config.trial import TrialConfig
from trainables.core.data_error import DataError
from trainables.core.model_source import ModelSource
from trainables.core.progress import Progress
from trainables.data.sets.prepare import prepare
from trainables.data.tokens.examples import Examples
from trainables.data.tokens.sequences import Sequences
from trainables.data.tokens.tokenizer import load_tokenizer


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_tokenizer(tmp_path_factory.mktemp("model")))


def config(train, objective="sft", **data):
    names = [str(path) for path in train] if isinstance(train, list) else str(train)
    return TrialConfig(model="unused", objective=objective, data={"train": names, **data})


def texts(folder, tokenizer):
    return [tokenizer.decode(tokens) for tokens, _ in Sequences.open(folder)]


def chat_pair(number, answer="yes"):
    return {"prompt": f"Is it {number}?", "chosen": answer, "rejected": "no"}


OF_OBJECTIVE = {
    "sft": [{"instruction": f"Add {n}.", "output": f"{n + 1}"} for n in range(40)],
    "classification": [{"text": f"text {n}", "label": "ab"[n % 2]} for n in range(40)],
    "dpo": [chat_pair(n) for n in range(40)],
    "kto": [chat_pair(n) for n in range(40)],
    "reward": [{"text": f"text {n}", "reward": n / 10} for n in range(40)],
}


@pytest.mark.parametrize(
    ("objective", "arity", "labels"),
    [("sft", 1, ()), ("classification", 1, ("a", "b")), ("dpo", 2, ()), ("kto", 2, ()),
     ("reward", 1, ("reward",))],
)  # fmt: skip
def test_each_objective_has_three_sets_of_its_examples(tmp_path, model, objective, arity, labels):
    path = write_json(tmp_path / "rows.json", OF_OBJECTIVE[objective])
    data = prepare(config(path, objective, validation=0.1, test=0.2), model, tmp_path / "cache")
    sets = [Examples(folder) for folder in (data.train, data.validation, data.further("test"))]
    doubled = 2 if objective == "kto" else 1
    assert [len(each) for each in sets] == [28 * doubled, 4 * doubled, 8 * doubled]
    assert {each.arity for each in sets} == {arity}
    assert data.summary.labels == labels
    again = prepare(config(path, objective, validation=0.1, test=0.2), model, tmp_path / "cache")
    assert again == data


def test_labels_and_weights_lie_beside_the_sequences(tmp_path, model):
    rows = [{"text": f"text {n}", "label": n % 3, "weight": 1 + n % 2} for n in range(30)]
    path = write_lines(tmp_path / "rows.jsonl", rows)
    data = prepare(config(path, "classification", validation=0.3), model, tmp_path / "cache")
    train = Examples(data.train)
    tokenizer = load_tokenizer(ModelSource(model))
    for example in (train[n] for n in range(len(train))):
        number = int(tokenizer.decode(example.sequences[0].tokens)[8:-4])
        assert (example.label, example.weight) == (number % 3, 1 + number % 2)
    assert data.summary.train.labels == {"0": 7, "1": 7, "2": 7}
    assert data.summary.validation.labels == {"0": 3, "1": 3, "2": 3}


def test_the_same_prompt_never_lies_on_both_sides(tmp_path, model):
    rows = [chat_pair(n // 4, answer=f"yes {n}") for n in range(80)]
    path = write_json(tmp_path / "rows.json", rows)
    for objective in ("dpo", "kto", "reward"):
        data = prepare(config(path, objective, validation=0.2, test=0.2), model, tmp_path / "cache")
        sides = [
            {
                text.split("Assistant")[0]
                for text in texts(folder, load_tokenizer(ModelSource(model)))
            }
            for folder in (data.train, data.validation, data.further("test"))
        ]
        assert sum(map(len, sides)) == len(set.union(*sides)) == 20


def test_a_test_file_is_used_whole_and_its_overlap_is_told(tmp_path, model):
    train = write_json(tmp_path / "train.json", alpaca_rows(20))
    held_out = write_json(tmp_path / "test.json", alpaca_rows(23)[19:])
    data = prepare(config(train, test=str(held_out)), model, tmp_path / "cache")
    assert (data.summary.train.examples, data.summary.sets["test"].examples) == (19, 4)
    assert "1 of 4 test records are also in the train files" in data.summary.notes
    assert [file.name for file in data.summary.files] == ["train.json", "test.json"]


@pytest.mark.parametrize("objective", ["sft", "clm"])
def test_general_and_mix_are_sets_of_their_own_of_chats_or_text(tmp_path, model, objective):
    rows = alpaca_rows(20) if objective == "sft" else [{"text": "a b c " * 200}]
    train = write_json(tmp_path / "train.json", rows)
    chats = write_json(
        tmp_path / "chats.json", [*alpaca_rows(5), {"instruction": "a", "output": ""}]
    )
    text = tmp_path / "text.txt"
    text.write_text("Once upon a time. " * 50)
    further = {"general": [str(chats), str(text)], "mix": {"train": str(chats)}}
    base = config(train, objective, bad_rows="skip", **further)
    data = prepare(base, model, tmp_path / "cache")
    general, mix = Examples(data.further("general")), Examples(data.further("mix"))
    assert len(mix) == 5 and len(general) > 10
    written = [
        load_tokenizer(ModelSource(model)).decode(s.tokens)
        for s in Sequences.open(data.further("mix"))
    ]
    assert "It is 5.</s>" in written[4]
    assert [(file.name, file.used) for file in data.summary.files[1:]] == [
        ("chats.json", 5), ("text.txt", 1), ("chats.json", 5),
    ]  # fmt: skip
    again = base.with_params({"data.mix.proportion": 0.7})
    assert prepare(again, model, tmp_path / "cache").fingerprint == data.fingerprint
    other = base.with_params({"data.general": str(chats)})
    assert prepare(other, model, tmp_path / "cache").fingerprint != data.fingerprint


def test_a_general_set_of_something_else_is_refused(tmp_path, model):
    train = write_json(tmp_path / "train.json", alpaca_rows(20))
    pairs = write_json(tmp_path / "pairs.json", OF_OBJECTIVE["dpo"])
    with pytest.raises(DataError, match=r"holds pairs .*data\.general reads chats or text without"):
        prepare(config(train, general=str(pairs)), model, tmp_path / "cache")
    with pytest.raises(
        ValueError, match=r"data\.mix works with objectives clm and sft, not with dpo"
    ):
        config(pairs, "dpo", mix={"train": "x"})


def test_text_has_a_test_set_too(tmp_path, model):
    rows = [{"text": f"Story {n} ends."} for n in range(200)]
    path = write_lines(tmp_path / "stories.jsonl", rows)
    data = prepare(config(path, "clm", validation=0.1, test=0.2), model, tmp_path / "cache")
    sizes = [sum(len(s.tokens) for s in Sequences.open(f))
             for f in (data.train, data.validation, data.further("test"))]  # fmt: skip
    assert [round(size / sum(sizes), 1) for size in sizes] == [0.7, 0.1, 0.2]


def test_what_was_dropped_is_told_by_file_with_its_first_row(tmp_path, model):
    good = [{"text": f"text {n}", "label": n % 2} for n in range(20)]
    first = write_json(tmp_path / "a.json", [*good, {"text": "x", "label": None}, {"text": "y"}])
    second = write_json(tmp_path / "b.json", [{"text": " ", "label": 1}, *good])
    skipping = config([first, second], "classification", bad_rows="skip")
    data = prepare(skipping, model, tmp_path / "cache")
    assert [(file.name, file.rows, file.used, file.dropped) for file in data.summary.files] == [
        ("a.json", 22, 20, {"no label": 2}),
        ("b.json", 21, 20, {"empty text": 1}),
    ]
    assert data.summary.duplicates == 20
    said = data.summary.describe()
    assert f"first dropped (no label): {first} row 21" in said
    assert f"first dropped (empty text): {second} row 1" in said
    assert f"a.json: 2 bad rows left out, the first: ({first} row 21: no label" in said


def test_notes_tell_how_a_file_was_read(tmp_path, model):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.tsv").write_text("".join(f"text {n}\t{n % 2}\n" for n in range(20)))
    (folder / "README.md").write_text("x")
    data = prepare(config(folder, "classification"), model, tmp_path / "cache")
    assert data.summary.notes[1:] == (
        "texts: files not read: README.md",
        "texts/a.tsv: no header; column 0 is read as text, column 1 as label",
    )


def test_pairs_and_rewards_cannot_be_mixed(tmp_path, model):
    paths = [
        write_json(tmp_path / "a.json", OF_OBJECTIVE["dpo"]),
        write_json(tmp_path / "b.json", OF_OBJECTIVE["reward"]),
    ]
    with pytest.raises(DataError, match=r"b\.json holds texts.*a\.json pairs.*launch one sweep"):
        prepare(config(paths, "reward"), model, tmp_path / "cache")


def test_a_validation_label_that_training_lacks_is_a_mistake(tmp_path, model):
    train = write_json(tmp_path / "train.json", OF_OBJECTIVE["classification"])
    held_out = write_json(tmp_path / "dev.json", [{"text": "x", "label": "c"}])
    with pytest.raises(DataError, match=f"^{held_out} row 1: label 'c' is not among.*a, b"):
        prepare(config(train, "classification", validation=str(held_out)), model, tmp_path / "c")


def test_fractions_must_leave_something_to_train_on():
    with pytest.raises(ValueError, match=r"validation 0\.6 \+ test 0\.4 leave no training records"):
        config("rows.json", validation=0.6, test=0.4)


def tokenised_at_once(monkeypatch, count):
    for room in ("sets.makers", "making.blocks"):
        monkeypatch.setattr(f"trainables.data.{room}._AT_ONCE", count)


@pytest.mark.parametrize("objective", [*OF_OBJECTIVE, "clm"])
def test_it_is_told_what_is_read_and_how_much_of_it_is_tokenised(
    tmp_path, model, objective, monkeypatch
):
    tokenised_at_once(monkeypatch, 10)
    rows = OF_OBJECTIVE.get(objective) or [{"text": f"text {n}"} for n in range(40)]
    paths = [write_json(tmp_path / f"{n}.json", rows[n * 20 : n * 20 + 20]) for n in range(2)]
    told = []
    data = config(paths, objective)
    prepare(data, model, tmp_path / "cache", progress=Progress(told.append))
    seen = [[(each.text, each.share) for each in phases] for phases in told]
    assert [("reading", 0.0), ("0.json", None)] in seen
    assert [("reading", 0.5), ("1.json", None)] in seen
    tokenised = [phases[0] for phases in seen if phases and phases[0][0].startswith("tokenising")]
    if objective == "clm":
        assert tokenised == [("tokenising documents", share / 4) for share in range(5)]
    else:
        names = ("0.json", "1.json")
        shares = (0.0, 0.5, 1.0)
        assert tokenised == [(f"tokenising {name}", share) for name in names for share in shares]


@pytest.mark.parametrize("objective", [*OF_OBJECTIVE, "clm"])
def test_the_sets_are_the_same_however_many_records_are_tokenised_at_once(
    tmp_path, model, objective, monkeypatch
):
    rows = OF_OBJECTIVE.get(objective) or [{"text": f"text {n}"} for n in range(40)]
    path, folders = write_json(tmp_path / "rows.json", rows), []
    for count in (1000, 3):
        tokenised_at_once(monkeypatch, count)
        folders.append(prepare(config(path, objective), model, tmp_path / f"at {count}").folder)
    first, second = (
        {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.*")}
        for folder in folders
    )
    assert first == second and len(first) > 2
