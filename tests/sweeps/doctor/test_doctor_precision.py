from __future__ import annotations

import platform

import pytest
from spec_samples import sft_tree, toy_tree

from sweeps.doctor.precision import ask, check_precision, fields_of
from sweeps.preflight.finding import Level
from sweeps.spec.spec import SweepSpec
from trainables.training import slow_precision


def test_what_trials_ask_for_is_looked_up_in_the_spec_and_its_space(tmp_path):
    def fields(**change):
        return fields_of(SweepSpec.parse(sft_tree(tmp_path, **change)))

    assert fields() == fields_of(None) == [("precision", "bf16")], "the default"
    assert fields(precision="fp32") == []
    searched = {"precision": {"choice": ["fp32", "bf16", "fp16"]}}
    assert fields(space=searched) == [("precision", "bf16"), ("precision", "fp16")]
    assert fields_of(SweepSpec.parse(toy_tree())) == []


@pytest.mark.parametrize(("slow", "level"), [(0.0, Level.NOTE), (1e9, Level.OK)])
def test_the_doctor_notes_what_is_slow_here(tmp_path, monkeypatch, slow, level):
    monkeypatch.setattr(slow_precision, "SLOW", slow)
    (found,) = check_precision(SweepSpec.parse(sft_tree(tmp_path)))
    assert (found.check, found.level) == ("precision", level)
    if level is Level.NOTE:
        assert found.message.startswith("precision: bf16 is slow on this CPU, ")
        assert found.remedy == "--set precision=fp32 trains faster there"
    assert list(check_precision(SweepSpec.parse(sft_tree(tmp_path, precision="fp32")))) == []


def test_a_node_answers_for_its_own_cpu(monkeypatch, avx2_only):
    for name, value in avx2_only.items():
        monkeypatch.setenv(name, value)
    (said,) = ask([("precision", "bf16")], gpus=True)
    assert said.startswith(f"precision: bf16 is slow on the CPU of {platform.node()}, ")
    assert ask([], gpus=False) == []


def test_a_node_that_cannot_tell_is_not_taken_for_a_quick_one(monkeypatch):
    monkeypatch.setattr("sweeps.doctor.precision.sys.executable", "false")
    assert ask([("precision", "bf16")], gpus=True) is None
