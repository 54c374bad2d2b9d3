"""The table of lanes, joined from slices that were measured one by one."""

from __future__ import annotations

import pytest

from benchmarks.lanes.shape import SHAPES, Shape
from benchmarks.lanes.table import add, slices, table


def made(shape, lanes, alone, found=4):
    # Compiled in the first round alone, if at all.
    trainer, compiled = [2.0] * len(alone), [1.0] if found < 8 else []
    ways = {"lanes": lanes, "auto": alone, "one lane": alone}
    ways |= {"trainer": trainer, "compiled": compiled}
    evaluation = {"together": [1.0] * len(alone), "apart": [3.0] * len(alone)}
    finds = {"random": found, "tpe": 2}
    return {"shape": shape, "step": ways, "evaluation": evaluation, "auto": finds}


def test_slices_of_a_shape_are_one_row_of_medians_of_their_rounds(tmp_path):
    file = tmp_path / "lanes.json"
    assert slices(file) == []
    # A busy machine stretches whole rounds: the ratio within each is what counts.
    add(file, made("260K:8x1x64", lanes=[1.0, 10.0], alone=[2.0, 20.0]))
    add(file, made("260K:8x4x256", lanes=[1.0], alone=[1.0], found=1))
    add(file, made("260K:8x1x64", lanes=[1.0], alone=[9.0], found=8))
    rows = table(slices(file)).splitlines()[2:]
    assert rows == [
        "| 260K:8x1x64 | 9 | 2.00 | 1.00 | 4/8, 2 | 4.50 | 2.00 | 3.00 | 3 |",
        "| 260K:8x4x256 | 1 | 1.00 | 1.00 | 1, 2 | 0.50 | 1.00 | 3.00 | 1 |",
    ]
    assert list(tmp_path.iterdir()) == [file]


def test_a_shape_is_named_by_what_it_is():
    assert Shape.parse("260K:8x2x128") == Shape("260K", lanes=8, rows=2, tokens=128)
    assert [Shape.parse(str(each)) for each in SHAPES] == list(SHAPES)
    for text in ("8x2x128", "7B:8x2x128", "260K:8x2"):
        with pytest.raises(ValueError, match="MODEL:LANESxROWSxTOKENS"):
            Shape.parse(text)
