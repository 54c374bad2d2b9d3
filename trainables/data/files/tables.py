"""The records of parquet files and of data sets of the `datasets` library."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.core.data_error import DataError
from trainables.data.files.content import MOST_GROWTH, ROOM, read_bytes
from trainables.data.files.hub_name import hub_parts
from trainables.data.files.hub_reach import closed_gate, hub_silence
from trainables.data.files.row import Row, Rows

if TYPE_CHECKING:
    from datasets import Dataset
    from pyarrow.parquet import ParquetFile

ROWS_ALWAYS_READ = 1_000_000
"""Row count always allowed; beyond it, under one byte per row means a file built to fill memory."""

_BATCH = 256


def parquet_rows(path: Path) -> list[Row]:
    """The records of a parquet file."""
    import pyarrow
    from pyarrow import parquet

    raw = read_bytes(path)
    try:
        file = parquet.ParquetFile(io.BytesIO(raw))
        _check_names(path, file.schema_arrow.names)
        return _listed(str(path), _unpacked(path, file, len(raw)))
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError, OverflowError) as error:
        raise DataError(
            f"{path} is not a readable parquet file ({_first_line(error)}); download it again"
        ) from error


def _unpacked(path: Path, file: ParquetFile, packed: int) -> Iterator[dict[str, object]]:
    """Its records, while in proportion to its size: parquet stores equal values once."""
    size, rows = 0, file.metadata.num_rows
    for batch in file.iter_batches(_BATCH):
        size += batch.nbytes
        if rows > max(ROWS_ALWAYS_READ, packed) or size > max(ROOM, MOST_GROWTH * packed):
            raise DataError(
                f"{path} grows from {packed:,} bytes to {rows:,} rows, too much for text; "
                "convert it to .jsonl yourself if you trust it"
            )
        yield from batch.to_pylist()


def _check_names(path: Path, names: Sequence[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{path}: two columns are named {twice}; rename one")


def saved_rows(folder: Path) -> Rows:
    """The records of a `save_to_disk` folder; `train` if it has several splits."""
    from datasets import load_from_disk

    try:
        loaded = load_from_disk(str(folder))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder} is not a readable data set ({_first_line(error)}); save it again"
        ) from error
    if not isinstance(loaded, dict):
        return Rows(tuple(_listed(str(folder), _decoded(loaded))))
    if "train" not in loaded:
        raise DataError(
            f"{folder} holds the splits {', '.join(loaded)} and no train; "
            f"name one of its folders, e.g. {folder / next(iter(loaded))}"
        )
    others = ", ".join(str(folder / name) for name in loaded if name != "train")
    note = "its split train is read" + (f"; there is also {others}" if others else "")
    return Rows(tuple(_listed(str(folder / "train"), _decoded(loaded["train"]))), (note,))


def hub_rows(name: str) -> list[Row]:
    """One split of a data set on the Hugging Face hub; see origin.py for its name."""
    return _listed(name, _decoded(load_from_hub(name)))


def load_from_hub(name: str) -> Dataset:
    """The split itself, downloaded unless in the hub's cache."""
    from datasets import load_dataset
    from datasets.config import HF_DATASETS_CACHE
    from datasets.exceptions import DatasetsError

    repository, config, split = hub_parts(name)
    kept = HF_DATASETS_CACHE / repository.replace("/", "___")
    if not kept.exists() and (silence := hub_silence()):
        raise DataError(_not_from_the_hub(name, silence))
    try:
        return load_dataset(repository, config, split=split)
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        reason = _first_line(error)
        if "split" in reason:
            raise DataError(f"{name}: {reason.rstrip('.')}; write {repository}@SPLIT") from error
        if gate := closed_gate(error, repository, "datasets/"):
            raise DataError(gate) from error
        raise DataError(_not_from_the_hub(name, reason)) from error


def _not_from_the_hub(name: str, reason: str) -> str:
    return (
        f"{name} is not a local file or folder, and could not be loaded from the hub as a "
        f"data set ({reason}); check the spelling and the network, or use a local file"
    )


def _decoded(loaded: Dataset) -> Iterable[dict[str, object]]:
    """The records, with class names instead of numbers; -1 means no class."""
    from datasets import ClassLabel

    features = loaded.features.items()
    names = {name: feature.int2str for name, feature in features if isinstance(feature, ClassLabel)}
    return ({k: _class_name(names.get(k), v) for k, v in record.items()} for record in loaded)


def _class_name(name_of: Callable[[int], str] | None, value: object) -> object:
    if name_of is None or not isinstance(value, int):
        return value
    return name_of(value) if value >= 0 else None


def _listed(where: str, records: Iterable[dict[str, object]]) -> list[Row]:
    rows = [Row(f"{where} row {number}", value) for number, value in enumerate(records, start=1)]
    if not rows:
        raise DataError(f"{where} holds no records; name another file")
    return rows


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
