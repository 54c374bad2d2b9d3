from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from data_samples import (
    REAL_DATA,
    alpaca_rows,
    config,
    needs_real_data,
    save_tokenizer,
    tiny_tokenizer,
    write_json,
    write_lines,
)

from trainables.core.data_error import DataError
from trainables.core.model_source import ModelSource
from trainables.data.sets.overlap import Overlap
from trainables.data.sets.prepare import prepare
from trainables.data.tokens.examples import Examples
from trainables.data.tokens.items import key
from trainables.data.tokens.packing import Packs
from trainables.data.tokens.sequences import Sequences
from trainables.data.tokens.tokenizer import add_tokens, load_tokenizer


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_tokenizer(tmp_path_factory.mktemp("model")))


def texts(folder, tokenizer):
    return [tokenizer.decode(tokens) for tokens, _ in Sequences.open(folder)]


def test_records_become_two_sides_of_sequences(tmp_path, model):
    path = write_json(tmp_path / "rows.json", alpaca_rows(40))
    data = prepare(config(path, validation=0.1), model, tmp_path / "cache")
    train, validation = (
        texts(side, load_tokenizer(ModelSource(model))) for side in (data.train, data.validation)
    )
    assert (len(train), len(validation)) == (36, 4)
    assert sorted([*train, *validation]) == sorted(
        f"<s>### User:\n{row['instruction']}\n\n### Assistant:\n{row['output']}</s>"
        for row in alpaca_rows(40)
    )


def test_the_summary_counts_what_the_folders_hold(tmp_path, model):
    rows = [*alpaca_rows(20), alpaca_rows(1)[0], {"instruction": "hm", "output": " "}]
    path = write_json(tmp_path / "rows.json", rows)
    data = prepare(
        config(path, validation=0.2, max_length=32, bad_rows="skip"), model, tmp_path / "cache"
    )
    summary = data.summary
    assert (summary.format, summary.records, summary.duplicates) == ("alpaca", 22, 1)
    assert summary.dropped == {"empty answer": 1}
    for side, folder in ((summary.train, data.train), (summary.validation, data.validation)):
        store = Sequences.open(folder)
        counts = (len(store), store.lengths.sum(), store.target_counts.sum())
        assert (side.sequences, side.tokens, side.targets) == counts
    assert "22 records (alpaca), 1 dropped (empty answer), 1 duplicate" in summary.describe()


def test_equal_records_never_lie_on_both_sides(tmp_path, model):
    path = write_json(tmp_path / "rows.json", alpaca_rows(30) * 2)
    data = prepare(config(path, validation=0.2), model, tmp_path / "cache")
    train, validation = (
        set(texts(s, load_tokenizer(ModelSource(model)))) for s in (data.train, data.validation)
    )
    assert not train & validation
    assert data.summary.duplicates == 30


def test_long_sequences_are_cut_and_those_without_an_answer_left_are_dropped(tmp_path, model):
    rows = [
        *alpaca_rows(3),
        {"instruction": "hi", "output": "word " * 100},
        {"instruction": "word " * 100, "output": "hi"},
    ]
    path = write_json(tmp_path / "rows.json", rows)
    data = prepare(config(path, validation=0.3, max_length=60), model, tmp_path / "cache")
    assert data.summary.truncated == 1
    assert data.summary.dropped == {"prompt longer than max_length": 1}
    lengths = [len(s.tokens) for f in (data.train, data.validation) for s in Sequences.open(f)]
    assert max(lengths) == 60


@pytest.mark.parametrize(("limit", "length"), [(None, 64), (40, 40), (4096, 1024)])
def test_max_length_is_cut_to_the_models_context(tmp_path, model, limit, length):
    """The model's own config.json says 64; the caller may know better."""
    path = write_json(tmp_path / "rows.json", alpaca_rows(4))
    data = prepare(config(path, validation=0.3), model, tmp_path / "cache", limit)
    assert data.summary.max_length == length
    assert ("cut to the model's context" in data.summary.describe()) == (length < 1024)


def test_a_validation_file_is_used_whole_and_its_overlap_is_told(tmp_path, model):
    train = write_json(tmp_path / "train.json", alpaca_rows(10))
    held_out = write_lines(tmp_path / "held_out.jsonl", alpaca_rows(12)[9:])
    data = prepare(config(train, validation=str(held_out)), model, tmp_path / "cache")
    assert (data.summary.train.sequences, data.summary.validation.sequences) == (10, 3)
    assert "1 of 3 validation records are also in the train files" in data.summary.notes
    assert data.summary.overlaps == {"validation": Overlap(1, 3)}


def test_several_train_files_may_differ_in_format(tmp_path, model):
    chats = [{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}]
    paths = [
        write_json(tmp_path / "a.json", alpaca_rows(5)),
        write_lines(tmp_path / "b.jsonl", chats),
    ]
    data = prepare(config(paths, validation=0.2), model, tmp_path / "cache")
    assert (data.summary.format, data.summary.records) == ("alpaca + sharegpt", 6)


def test_placeholders_and_unread_fields_are_told(tmp_path, model):
    rows = [row | {"source": "x"} for row in alpaca_rows(3)]
    rows[0]["output"] = "I am {{name}}."
    path = write_json(tmp_path / "rows.json", rows)
    data = prepare(config(path, validation=0.3), model, tmp_path / "cache")
    assert data.summary.notes[1:] == (
        "rows.json: fields not read: source",
        "rows.json: 1 answers hold a placeholder such as {{name}}",
    )


def test_text_becomes_blocks_in_which_all_but_the_first_token_are_targets(tmp_path, model):
    text = "".join(f"Line {n} of the text.\n" for n in range(100))
    path = tmp_path / "corpus.txt"
    path.write_text(text, encoding="utf-8")
    data = prepare(config(path, "clm", validation=0.2), model, tmp_path / "cache")
    stores = [Sequences.open(side) for side in (data.train, data.validation)]
    ids = load_tokenizer(ModelSource(model))(text)["input_ids"]
    assert sum(int(store.lengths.sum()) for store in stores) == len(ids) + 1
    for store in stores:
        assert np.array_equal(store.target_counts, store.lengths - 1)
        assert set(store.lengths.tolist()) <= {64, (len(ids) + 1) % 64}
    assert "blocks of the text are held out" in data.summary.notes


def test_many_documents_are_held_out_whole(tmp_path, model):
    stories = [f"Story {n} ends." for n in range(100)]
    rows = [{"text": story} for story in [*stories, stories[0], " "]]
    path = write_lines(tmp_path / "stories.jsonl", rows)
    data = prepare(config(path, "clm", validation=0.2), model, tmp_path / "cache")
    tokenizer = load_tokenizer(ModelSource(model))
    sides = ["".join(texts(side, tokenizer)) for side in (data.train, data.validation)]
    found = [{story for story in stories if f"<s>{story}</s>" in side} for side in sides]
    assert found[0] | found[1] == set(stories) and not found[0] & found[1]
    assert (data.summary.duplicates, data.summary.dropped) == (1, {"empty document": 1})
    assert 15 <= len(found[1]) <= 25


@pytest.mark.parametrize(
    ("rows", "objective", "said"),
    [
        ([{"text": "a"}], "sft", "holds text without answers.*set objective: clm"),
        (alpaca_rows(2), "clm", "holds chats .alpaca records.*set objective: sft"),
        (
            [{"instruction": "a", "output": ""}],
            "sft",
            r"row 1: empty answer \(output is str ''\); write the answer",
        ),
        (alpaca_rows(1), "sft", "1 usable records, 1 of them different"),
        ([{"text": "a"}], "clm", "cannot be split"),
    ],
)
def test_data_that_do_not_suit_the_trial_are_refused(tmp_path, model, rows, objective, said):
    path = write_json(tmp_path / "rows.json", rows)
    with pytest.raises(DataError, match=said):
        prepare(config(path, objective), model, tmp_path / "cache")
    assert not (tmp_path / "cache").exists() or not list((tmp_path / "cache").iterdir())


def test_new_tokens_are_encoded_whole_and_their_tokenizer_is_kept(tmp_path, model):
    rows = [{"instruction": f"q{n}", "output": f"<think>hm{n}</think>yes"} for n in range(20)]
    path = write_json(tmp_path / "rows.json", rows)
    plain = prepare(config(path), model, tmp_path / "cache")
    assert (plain.tokenizer, plain.new_tokens) == (None, ())
    tokens = ["<think>", "</think>", "<think>"]
    data = prepare(config(path, new_tokens=tokens), model, tmp_path / "cache")
    size = len(load_tokenizer(ModelSource(model)))
    assert data.new_tokens == (size, size + 1)
    for sequence, _ in Sequences.open(data.train):
        assert [token for token in sequence if token >= size] == [size, size + 1]
    kept = load_tokenizer(ModelSource(str(data.tokenizer)))
    assert texts(data.train, kept)[0].startswith("<s>### User:\nq")
    again = prepare(config(path, new_tokens=tokens), model, tmp_path / "cache")
    assert again == data


def chat_rows(count: int, answer: str = "It is {n}.") -> list[dict]:
    """Chats of two answers that all differ."""
    return [
        {
            "messages": [
                {"role": "user", "content": f"What is {n}?"},
                {"role": "assistant", "content": answer.format(n=n)},
                {"role": "user", "content": "Again."},
                {"role": "assistant", "content": answer.format(n=f"still {n}")},
            ]
        }
        for n in range(count)
    ]


def test_a_template_is_kept_with_the_tokenizer_and_part_of_the_key(tmp_path, model, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_json(tmp_path / "rows.json", chat_rows(20))
    template = tmp_path / "my.jinja"
    template.write_text("{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}")
    made = prepare(config(path, template="my.jinja"), model, tmp_path / "cache")
    kept = load_tokenizer(ModelSource(str(made.tokenizer)))
    assert kept.chat_template == template.read_text()
    assert texts(made.train, kept)[0].startswith("<user>What is ")
    assert made.new_tokens == ()
    template.write_text("{% for m in messages %}[{{ m.role }}]{{ m.content }}</s>{% endfor %}")
    again = prepare(config(path, template="my.jinja"), model, tmp_path / "cache")
    assert again.fingerprint != made.fingerprint
    assert texts(again.train, kept)[0].startswith("[user]What is ")


DROPS_EARLIER_ANSWERS = (
    "{% for m in messages %}{% if loop.last or m.role == 'user' %}{{ m.content }}</s>"
    "{% endif %}{% endfor %}"
)


def test_examples_of_one_chat_stay_on_one_side_and_are_counted(tmp_path, model):
    """The template drops earlier answers, so each chat gives two examples."""
    path = write_json(tmp_path / "rows.json", chat_rows(20))
    template = tmp_path / "drops.jinja"
    template.write_text(DROPS_EARLIER_ANSWERS)
    made = prepare(
        config(path, template=str(template), validation=0.3), model, tmp_path / "cache", 1024
    )
    assert made.summary.notes == (
        "rows.json: 20 chats rendered as 40 examples, one for each answer or several in a row, "
        "because the chat template writes earlier turns differently",
    )
    kept = load_tokenizer(ModelSource(str(made.tokenizer)))
    sides = [texts(folder, kept) for folder in (made.train, made.validation)]
    asked = [{each.partition("</s>")[0] for each in side} for side in sides]
    assert not asked[0] & asked[1]
    assert [len(side) for side in sides] == [28, 12]


def test_answers_behind_max_length_are_counted_also_if_their_chat_gives_other_examples(
    tmp_path, model
):
    path = write_json(tmp_path / "rows.json", chat_rows(20))
    template = tmp_path / "drops.jinja"
    template.write_text(DROPS_EARLIER_ANSWERS)
    made = prepare(
        config(path, template=str(template), max_length=16), model, tmp_path / "cache", 1024
    )
    assert made.summary.dropped == {}
    assert (
        "rows.json: 20 chats of several examples without those whose prompt is longer than "
        "max_length" in made.summary.notes
    )
    assert made.summary.train.sequences + made.summary.validation.sequences == 20


def learned_texts(data, model) -> list[str]:
    kept = load_tokenizer(ModelSource(model))
    return [kept.decode(tokens[targets]) for tokens, targets in Sequences.open(data.train)]


def test_only_the_last_answer_is_learned_if_so_wished(tmp_path, model):
    path = write_json(tmp_path / "rows.json", chat_rows(20))
    both = prepare(config(path), model, tmp_path / "cache", 1024)
    last = prepare(config(path, train_on="last_answer"), model, tmp_path / "cache", 1024)
    assert learned_texts(both, model)[0].count("It is") == 2
    assert all(
        text.startswith("It is still") and text.count("It is") == 1
        for text in learned_texts(last, model)
    )


def test_a_chat_that_the_template_refuses_is_an_error_or_skipped_and_counted(tmp_path, model):
    rows = chat_rows(20)
    rows[7]["messages"][1]["content"] = "no"
    path = write_json(tmp_path / "rows.json", rows)
    template = tmp_path / "my.jinja"
    template.write_text(
        "{% for m in messages %}{% if m.content == 'no' %}{{ raise_exception('not no') }}"
        "{% endif %}{{ m.content }}</s>{% endfor %}"
    )
    strict = config(path, template=str(template))
    fault = r"row 8: .* refuses this chat \(TemplateError: not no\).*; --skip-bad-rows skips"
    with pytest.raises(DataError, match=fault):
        prepare(strict, model, tmp_path / "cache", 1024)
    skipping = config(path, template=str(template), bad_rows="skip")
    summary = prepare(skipping, model, tmp_path / "cache", 1024).summary
    assert summary.dropped == {"refused by the chat template": 1}
    assert summary.first_dropped["refused by the chat template"].endswith("rows.json row 8")


def test_reasoning_is_learned_or_left_out(tmp_path, model):
    rows = chat_rows(20, "<think>hm</think>It is {n}.")
    path = write_json(tmp_path / "rows.json", rows)
    kept = prepare(config(path), model, tmp_path / "cache", 1024)
    dropped = prepare(config(path, reasoning="drop"), model, tmp_path / "cache", 1024)
    assert learned_texts(kept, model)[0].count("<think>hm</think>It is") == 2
    assert not any("think" in text or "hm" in text for text in learned_texts(dropped, model))


@pytest.mark.parametrize("text", ["x<think>y", "x <think> y", "<think>", "x\n<think>\ny"])
def test_a_new_token_is_found_wherever_it_stands(text):
    """Tokenizers in the manner of Llama's mark where words begin before they look anything up."""
    from tokenizers import normalizers

    tokenizer = tiny_tokenizer()
    tokenizer.backend_tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    (new,) = add_tokens(tokenizer, ["<think>"])
    assert tokenizer(text)["input_ids"].count(new) == 1


def test_a_new_token_that_nothing_trains_is_told(tmp_path, model):
    path = write_json(tmp_path / "rows.json", alpaca_rows(20))
    data = prepare(
        config(path, new_tokens=["Add", "<call>"], max_length=64), model, tmp_path / "cache"
    )
    assert data.summary.notes == ("data.new_tokens: '<call>' is in no training sequence",)


def test_a_new_token_that_is_not_new_is_refused(tmp_path, model):
    path = write_json(tmp_path / "rows.json", alpaca_rows(20))
    with pytest.raises(DataError, match=r"data.new_tokens: the tokenizer of .* knows '</s>' alrea"):
        prepare(config(path, new_tokens=["</s>"]), model, tmp_path / "cache")


def test_the_fingerprint_follows_everything_that_changes_the_sequences(tmp_path, model):
    path = write_json(tmp_path / "rows.json", [row | {"source": "x"} for row in alpaca_rows(8)])
    cache = tmp_path / "cache"
    base = config(path, validation=0.3)
    first = prepare(base, model, cache).fingerprint
    assert prepare(base, model, cache).fingerprint == first
    assert prepare(base.with_params({"learning_rate": 0.1}), model, cache).fingerprint == first
    assert prepare(base.with_params({"data.order_seed": 9}), model, cache).fingerprint == first
    changed = [prepare(base.with_params({f"data.{k}": v}), model, cache).fingerprint for k, v in
               (("seed", 1), ("max_length", 50), ("validation", 0.4), ("test", 0.3),
                ("columns", {"input": "source"}))]  # fmt: skip
    other_model = save_tokenizer(tmp_path / "other", bos=False)
    changed.append(prepare(base, str(other_model), cache).fingerprint)
    write_json(path, alpaca_rows(9))
    changed.append(prepare(base, model, cache).fingerprint)
    assert len({first, *changed}) == 8


def test_a_second_trial_finds_the_sequences_without_importing_transformers(tmp_path, model):
    path = write_json(tmp_path / "rows.json", alpaca_rows(8))
    expected = prepare(config(path, validation=0.3), model, tmp_path / "cache")
    code = (
        "import sys; sys.modules['transformers'] = sys.modules['torch'] = None\n"
        "from pathlib import Path\n"
        "from trainables.config.trial import TrialConfig\n"
        "from trainables.data.sets.prepare import prepare\n"
        f"config = TrialConfig(model='m', data={{'train': {str(path)!r}, 'validation': 0.3}})\n"
        f"print(prepare(config, {model!r}, Path({str(tmp_path / 'cache')!r})).fingerprint)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected.fingerprint


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("./models/none", "folder ./models/none does not exist"),
        ("/models/none", "folder /models/none does not exist"),
        ("someone/no-such-model", "could not be loaded from the hub.*or download it and name"),
    ],
)
def test_a_model_that_is_not_there_is_named(monkeypatch, name, said):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match=f"^model: .*{said}"):
        load_tokenizer(ModelSource(name))


def test_a_hub_that_does_not_listen_is_said_at_once(monkeypatch):
    """Its client would try for minutes, file by file."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    asked = "transformers.AutoTokenizer.from_pretrained"
    monkeypatch.setattr(asked, lambda *_, **__: pytest.fail("was asked"))
    said = r"from the hub \(http://127.0.0.1:9 does not answer: Connection refused\); check the"
    with pytest.raises(DataError, match=f"^model: someone/no-such-model .*{said}"):
        load_tokenizer(ModelSource("someone/no-such-model"))


def test_a_folder_without_a_tokenizer_is_named(tmp_path):
    with pytest.raises(DataError, match=f"folder {tmp_path} has no loadable tokenizer"):
        load_tokenizer(ModelSource(str(tmp_path)))


@needs_real_data
@pytest.mark.parametrize(
    ("name", "objective", "sequences", "dropped"),
    [
        ("sft/alpaca_en_demo.json", "sft", 998, {"prompt longer than max_length": 1}),
        ("sft/alpaca_zh_demo.json", "sft", 999, {"prompt longer than max_length": 1}),
        ("sft/identity.json", "sft", 91, {}),
        ("sft/instruction-data.json", "sft", 1100, {}),
        (
            "sft/alpaca_orig_5k.json",
            "sft",
            4997,
            {"empty answer": 2, "prompt longer than max_length": 1},
        ),
        ("sft/glaive_toolcall_en_demo.json", "sft", 264, {"prompt longer than max_length": 36}),
        ("sft/v1_sft_demo.jsonl", "sft", 499, {"prompt longer than max_length": 1}),
        ("chat/fastchat_dummy_conversation.json", "sft", 500, {}),
        ("chat/xtuner_openai_sft.jsonl", "sft", 128, {}),
        ("corpus/c4_demo.jsonl", "clm", 882, {}),
        ("corpus/names.txt", "clm", 364, {}),
        ("corpus/the-verdict.txt", "clm", 24, {}),
        ("corpus/tinyshakespeare.txt", "clm", 1355, {}),
        ("corpus/tinystories_1200.txt", "clm", 1061, {}),
        ("corpus/wiki_demo.txt", "clm", 1263, {}),
    ],
)
def test_real_files_give_all_that_fits_a_real_model(tmp_path, name, objective, sequences, dropped):
    model = str(REAL_DATA / "models/stories260K_hf")
    data = prepare(config(REAL_DATA / name, objective, bad_rows="skip"), model, tmp_path)
    found = data.summary.train.sequences + data.summary.validation.sequences
    assert (found, data.summary.dropped) == (sequences, dropped)
    assert data.summary.max_length == 512


def test_packing_lays_out_what_is_learned_and_leaves_the_rest_as_it_is(tmp_path, model):
    path = write_json(tmp_path / "rows.json", alpaca_rows(40))
    replay = write_json(tmp_path / "replay.json", alpaca_rows(9))
    mix = {"train": str(replay), "proportion": 0.1}
    plain, packed = (
        prepare(config(path, packing=packing, mix=mix), model, tmp_path / "cache", 128)
        for packing in (False, True)
    )
    assert plain.fingerprint != packed.fingerprint
    for name in ("train", "validation", "mix"):
        before, after = (Sequences.open(each.folder / name) for each in (plain, packed))
        assert [key(each) for each in before] == [key(each) for each in after]
    for name in ("train", "mix"):
        packs, side = Packs(Examples(packed.folder / name)), packed.summary.sets[name]
        assert len(packs) == side.packs < side.examples
        assert (packs.lengths.sum(), packs.lengths.max() <= 128) == (side.tokens, True)
    assert packed.summary.validation.packs == plain.summary.train.packs == 0
    side = packed.summary.train
    full = side.tokens / (128 * side.packs)
    assert (
        f"train: 38 examples packed into {side.packs} sequences of at most 128 tokens, {full:.0%} "
        "full" in packed.summary.describe()
    )
    assert "packed" not in plain.summary.describe()
