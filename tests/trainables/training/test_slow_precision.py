"""Half precision on a device without units for it is found out and said."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import tiny_training as tiny

from trainables.training.slow_precision import asked, old_card

SCRIPT = """
import json
from trainables.training.slow_precision import remarks
print(json.dumps(remarks([("precision", "bf16")], "this CPU", gpu=False)))
"""


def test_a_cpu_that_emulates_bf16_is_found_by_timing_it(avx2_only):
    environment = {**os.environ, **avx2_only}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    (said,) = json.loads(done.stdout)
    before, ratio, after = said.partition("takes ")[0], *said.partition("takes ")[2].split(" ", 1)
    assert before == (
        "precision: bf16 is slow on this CPU, which lacks native support: a matrix product "
    )
    assert float(ratio) > 3
    assert after == "times as long as in fp32; --set precision=fp32 trains faster there"


@pytest.mark.parametrize(
    ("precision", "capability", "better"),
    [
        ("bf16", (7, 5), "fp16"),
        ("bf16", (7, 0), "fp16"),
        ("bf16", (6, 1), "fp32"),
        ("fp16", (6, 1), "fp32"),
        ("bf16", (8, 0), None),
        ("bf16", (9, 0), None),
        ("bf16", (12, 0), None),
        ("fp16", (7, 0), None),
    ],
)
def test_a_card_is_judged_by_its_compute_capability(precision, capability, better):
    said = old_card("precision", precision, "Tesla T4", capability)
    assert (said is None) is (better is None)
    if said:
        assert said.startswith(f"precision: {precision} is slow on Tesla T4 (compute capability ")
        assert f"--set precision={better} " in said


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({}, []),
        ({"precision": "bf16"}, [("precision", "bf16")]),
        ({"method": "qlora", "precision": "bf16"}, [("precision", "bf16")]),
        (
            {"method": "qlora", "quantization__compute_dtype": "bf16"},
            [("quantization.compute_dtype", "bf16")],
        ),
        ({"quantization__compute_dtype": "bf16"}, []),
        ({"objective": "toy", "precision": "bf16"}, []),
    ],
)
def test_only_what_a_trial_computes_in_is_asked_about(change, fields):
    assert list(asked(tiny.trial(**change))) == fields
