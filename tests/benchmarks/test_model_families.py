"""The table of model families, for a few of its cells."""

from __future__ import annotations

import pytest

from benchmarks.model_families import run, tables, write


@pytest.mark.parametrize(
    ("family", "refused"), [("Phi-3", ()), ("Mixtral", ()), ("Mamba 2", ("prefix",))]
)
def test_a_family_trains_and_measures_as_transformers_does(tmp_path, family, refused):
    methods = ("lora", "adapter", "prefix")
    cells = run(family, tmp_path, methods, ["sft"])
    for method in methods:
        assert cells[f"{family}|sft|{method}"].startswith("refused" if method in refused else "ran")
    assert float(cells[f"{family}|sft|loss"]) < 1e-6
    lanes = cells[f"{family}|sft|lanes"]
    if family == "Mixtral":
        assert lanes.startswith("refused: model.layers.0.mlp.experts is not called once")
    else:
        assert float(lanes) < 1e-4


def test_reasons_are_listed_once_below_the_tables(tmp_path):
    cells = {
        "A|sft|full": "ran",
        "A|sft|prefix": "refused: it keeps a state",
        "B|classification|prefix": "refused: it keeps a state",
        "B|sft|lora": "refused: unknown",
    }
    file = tmp_path / "page.md"
    file.write_text("before\n<!-- table: begin -->\nold\n<!-- table: end -->\nafter\n")
    write(file, "\n".join(tables(cells)))
    text = file.read_text()
    assert "old" not in text and text.startswith("before\n") and text.endswith("\nafter\n")
    assert text.count("it keeps a state") == 1 and text.count("refused (1)") == 2
    assert "\n2. unknown" in text
