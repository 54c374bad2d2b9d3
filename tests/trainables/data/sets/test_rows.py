"""Tokens for which the model has no embedding."""

from __future__ import annotations

import json

import pytest
from data_samples import alpaca_rows, config, tiny_tokenizer, write_json

from trainables.core.data_error import DataError
from trainables.core.model_source import ModelSource
from trainables.data.sets.prepare import prepare
from trainables.data.tokens.examples import Examples
from trainables.data.tokens.tokenizer import load_tokenizer, pad_id


def model_of(folder, tokenizer, rows, **described):
    tokenizer.save_pretrained(folder)
    told = {"model_type": "llama", "vocab_size": rows, **described}
    (folder / "config.json").write_text(json.dumps(told))
    return str(folder)


def test_padding_without_an_embedding_is_replaced_and_said(tmp_path):
    tokenizer = tiny_tokenizer()
    rows = len(tokenizer)
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    model = model_of(tmp_path / "model", tokenizer, rows)
    data = prepare(
        config(write_json(tmp_path / "rows.json", alpaca_rows(20))), model, tmp_path / "c"
    )
    (note,) = [each for each in data.summary.notes if "padding" in each]
    assert "'[PAD]' has no embedding" in note and repr(tokenizer.eos_token) in note
    assert pad_id(tokenizer, rows) == tokenizer.eos_token_id
    assert pad_id(tokenizer, rows + 1) == pad_id(tokenizer, None) == tokenizer.pad_token_id


def test_padding_needs_no_special_token(tmp_path):
    tokenizer = tiny_tokenizer()
    tokenizer.pad_token = tokenizer.eos_token = None
    expected = 0 if tokenizer.unk_token_id is None else tokenizer.unk_token_id
    assert pad_id(tokenizer, len(tokenizer)) == expected


def test_a_token_in_the_data_without_an_embedding_is_refused_by_name(tmp_path):
    tokenizer = tiny_tokenizer()
    rows = len(tokenizer)
    tokenizer.add_tokens(["<tool>", "<unseen>"])
    model = model_of(tmp_path / "model", tokenizer, rows)
    told = [{**row, "output": f"{row['output']} <tool>"} for row in alpaca_rows(20)]
    path = write_json(tmp_path / "rows.json", told)
    with pytest.raises(DataError, match=r"no embedding \('<tool>'; .*data\.new_tokens"):
        prepare(config(path), model, tmp_path / "cache")
    # The way out.
    data = prepare(config(path, new_tokens=["<tool>"]), model, tmp_path / "cache")
    assert data.new_tokens == (rows,)
    assert any(rows in example.sequences[0].tokens for example in Examples(data.train))
    # One that is in no text does no harm.
    plain = write_json(tmp_path / "plain.json", alpaca_rows(20))
    prepare(config(plain), model, tmp_path / "cache")


def test_a_known_token_is_still_no_new_one(tmp_path):
    tokenizer = tiny_tokenizer()
    model = model_of(tmp_path / "model", tokenizer, len(tokenizer))
    path = write_json(tmp_path / "rows.json", alpaca_rows(20))
    with pytest.raises(DataError, match="knows '</s>' already"):
        prepare(config(path, new_tokens=["</s>"]), model, tmp_path / "cache")


@pytest.mark.parametrize("ids", [1, [1, 2]])
def test_an_end_of_text_that_only_the_model_names_is_used(tmp_path, ids):
    tokenizer = tiny_tokenizer()
    tokenizer.eos_token = None
    model = model_of(tmp_path / "model", tokenizer, len(tokenizer), eos_token_id=ids)
    loaded = load_tokenizer(ModelSource(model))
    assert loaded.eos_token_id == 1
    path = write_json(tmp_path / "rows.json", alpaca_rows(20))
    data = prepare(config(path), model, tmp_path / "cache")
    assert all(example.sequences[0].tokens[-1] == 1 for example in Examples(data.train))


def test_no_end_of_text_anywhere_is_refused(tmp_path):
    tokenizer = tiny_tokenizer()
    tokenizer.eos_token = None
    model = model_of(tmp_path / "model", tokenizer, len(tokenizer))
    path = write_json(tmp_path / "rows.json", alpaca_rows(20))
    with pytest.raises(DataError, match=r"no eos_token, and the model's config\.json has no"):
        prepare(config(path), model, tmp_path / "cache")
