"""What is measured on data that is learned from is counted."""

from __future__ import annotations

import pytest
from data_samples import alpaca_rows, config, save_tokenizer, write_json

from trainables.data.sets.overlap import Overlap
from trainables.data.sets.prepare import prepare


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_tokenizer(tmp_path_factory.mktemp("model")))


def test_a_validation_file_that_is_the_train_file_shares_all_of_it(tmp_path, model):
    train = write_json(tmp_path / "train.json", alpaca_rows(40))
    data = prepare(config(train, validation=str(train)), model, tmp_path / "cache")
    assert data.summary.overlaps == {"validation": Overlap(40, 40)}
    apart = prepare(config(train, validation=0.2), model, tmp_path / "cache")
    assert apart.summary.overlaps == {}


@pytest.mark.parametrize("objective", ["sft", "clm"])
def test_a_general_set_that_is_learned_from_is_told(tmp_path, model, objective):
    rows = (
        alpaca_rows(20) if objective == "sft" else [{"text": f"Word {n} ends."} for n in range(99)]
    )
    train = write_json(tmp_path / "train.json", rows)
    chats = write_json(tmp_path / "chats.json", alpaca_rows(30)[25:])
    more = write_json(tmp_path / "more.json", alpaca_rows(30)[28:])
    both = config(train, objective, general=str(chats), mix={"train": str(more)})
    data = prepare(both, model, tmp_path / "cache")
    assert data.summary.overlaps == {"general": Overlap(2, 5, "data.mix.train")}
    assert "2 of 5 general records are also in data.mix.train" in data.summary.notes
    if objective == "sft":
        same = prepare(config(train, objective, general=str(train)), model, tmp_path / "cache")
        assert same.summary.overlaps["general"].records == 20
