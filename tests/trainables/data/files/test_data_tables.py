from __future__ import annotations

import gzip
import io
import json
import shutil

import pytest
from data_samples import rows_of, values_of, write_json

from trainables.core.data_error import DataError
from trainables.data.files.origin import Kind, find

CHATS = [
    {"messages": [{"role": "user", "content": "hi"}], "n": 1},
    {"messages": [{"role": "user", "content": "细胞"}], "n": None},
]


def parquet_bytes(records):
    import pyarrow
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(records), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["rows.parquet", "rows.parquet.gz"])
def test_parquet_gives_its_records(tmp_path, name):
    path = tmp_path / name
    raw = parquet_bytes(CHATS)
    path.write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    assert values_of(path) == CHATS
    assert [row.where for row in rows_of(path)] == [f"{path} row 1", f"{path} row 2"]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (parquet_bytes(CHATS)[:-20], "not a readable parquet file.*download it again"),
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        (b"<html>", "is an HTML page"),
        (b"hm", "not a readable parquet file"),
    ],
)
def test_a_broken_parquet_file_is_named(tmp_path, raw, said):
    path = tmp_path / "rows.parquet"
    path.write_bytes(raw)
    with pytest.raises(DataError, match=f"^{path} .*{said}"):
        rows_of(path)


@pytest.fixture
def labelled():
    import datasets

    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])}
    )
    return datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, 0, -1]}, features)


@pytest.fixture
def no_bars():
    import datasets

    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


EXPECTED = [
    {"text": "a", "label": "pos"},
    {"text": "b", "label": "neg"},
    {"text": "c", "label": None},
]


def test_a_saved_data_set_gives_its_records_with_the_names_of_classes(tmp_path, labelled, no_bars):
    labelled.save_to_disk(tmp_path / "saved")
    assert values_of(tmp_path / "saved") == EXPECTED
    assert find(str(tmp_path / "saved")).origins[0].kind is Kind.SAVED


def test_of_several_saved_splits_train_is_read(tmp_path, labelled, no_bars):
    import datasets

    splits = datasets.DatasetDict({"train": labelled, "test": labelled.select([0])})
    splits.save_to_disk(tmp_path / "saved")
    assert values_of(tmp_path / "saved") == EXPECTED
    assert values_of(tmp_path / "saved" / "test") == EXPECTED[:1]
    datasets.DatasetDict({"test": labelled}).save_to_disk(tmp_path / "other")
    with pytest.raises(DataError, match=r"holds the splits test and no train; .*other/test"):
        values_of(tmp_path / "other")


def test_a_saved_data_sets_identity_is_its_content(tmp_path, labelled, no_bars):
    def identity(data):
        data.save_to_disk(tmp_path / "saved")
        return find(str(tmp_path / "saved")).origins[0].identity()

    assert identity(labelled) != identity(labelled.select([0, 1]))


@pytest.mark.parametrize(
    "name",
    [
        "stanfordnlp/imdb",
        "nyu-mll/glue:sst2",
        "org/data-set_1.0",
        "stanfordnlp/imdb@test",
        "nyu-mll/glue:sst2@validation",
        "org/data-set_1.0@train[:10%]",
    ],
)
def test_what_is_no_path_here_may_be_on_the_hub(name):
    assert find(name).origins[0].kind is Kind.HUB


def test_a_hub_that_cannot_be_reached_is_one_clear_error(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    said = "org/nothing is not a local file or folder.*could not be loaded.*check the spell"
    with pytest.raises(DataError, match=f"^{said}"):
        rows_of("org/nothing")


def test_a_hub_that_does_not_listen_is_not_asked_again_and_again(monkeypatch):
    """Its client would try for half a minute."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: pytest.fail("was asked"))
    said = r"\(http://127.0.0.1:9 does not answer: Connection refused\); check the spelling and the"
    with pytest.raises(DataError, match=f"^org/nothing is not a local file.*{said}"):
        rows_of("org/nothing")


def test_a_hub_data_set_is_asked_for_its_train_split(monkeypatch, labelled):
    asked = []

    def load_dataset(*args, **kwargs):
        asked.append((args, kwargs))
        return labelled

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    monkeypatch.setattr("trainables.data.files.tables.hub_silence", lambda: None)
    assert values_of("org/glue:sst2") == EXPECTED
    assert values_of("org/imdb") == EXPECTED
    assert values_of("org/glue:sst2@validation") == EXPECTED
    assert asked == [
        (("org/glue", "sst2"), {"split": "train"}),
        (("org/imdb", None), {"split": "train"}),
        (("org/glue", "sst2"), {"split": "validation"}),
    ]


@pytest.fixture
def hub_cache(tmp_path, monkeypatch, no_bars):
    """A cache of downloads that holds org/reviews with the configurations short and long."""
    import datasets

    cache = tmp_path / "cache"
    for config in ("short", "long"):
        files = {}
        for split in ("train", "validation"):
            rows = [{"text": f"{config} {split} {number}"} for number in range(4)]
            files[split] = str(write_json(tmp_path / f"{config}-{split}.json", rows))
        datasets.load_dataset("json", data_files=files, cache_dir=str(cache))
        (made,) = (cache / "json").glob("*/*/*/")
        kept = cache / "org___reviews" / config / "0.0.0" / made.name
        shutil.copytree(made, kept)
        for file in kept.glob("*.arrow"):
            file.rename(kept / file.name.replace("json-", "reviews-"))
        info = json.loads((kept / "dataset_info.json").read_text())
        write_json(kept / "dataset_info.json", info | {"config_name": config})
        shutil.rmtree(cache / "json")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", cache)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("org/reviews:short", [f"short train {n}" for n in range(4)]),
        ("org/reviews:long@validation", [f"long validation {n}" for n in range(4)]),
        ("org/reviews:long@train[:2]", ["long train 0", "long train 1"]),
        ("org/reviews:short@validation[75%:]", ["short validation 3"]),
    ],
)
def test_a_split_of_a_downloaded_data_set_is_read_by_its_name(hub_cache, name, rows):
    assert [value["text"] for value in values_of(name)] == rows


def test_two_splits_are_not_the_same_data(hub_cache):
    def identity(name):
        (origin,) = find(name).origins
        return origin.identity()

    assert identity("org/reviews:short")[1] == identity("org/reviews:short@train")[1]
    assert identity("org/reviews:short")[1] != identity("org/reviews:short@validation")[1]


def test_a_split_that_is_not_there_is_told_with_those_that_are(hub_cache):
    with pytest.raises(DataError, match=r'"test".*validation.*; write org/reviews@SPLIT'):
        rows_of("org/reviews:short@test")


def test_a_hub_data_sets_identity_follows_its_content(monkeypatch, labelled):
    def identity(data):
        monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: data)
        monkeypatch.setattr("trainables.data.files.tables.hub_silence", lambda: None)
        return find("org/imdb").origins[0].identity()

    assert identity(labelled) == identity(labelled) != identity(labelled.select([0]))
