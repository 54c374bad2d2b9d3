"""The parts of the GPU checks that need no GPU: arithmetic, deadline, processes, report."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import psutil
import pytest

from benchmarks.gpu import document
from benchmarks.gpu.checks import Check, checks
from benchmarks.gpu.deadline import Deadline
from benchmarks.gpu.flops import flops_per_token, peak
from benchmarks.gpu.packages import NEEDED, ROOT, requirements
from benchmarks.gpu.process import Bench, run
from benchmarks.gpu.row import Row
from benchmarks.gpu.shape import QWEN_HALF_BILLION, TINY, Shape
from benchmarks.gpu.slim import slim


def test_the_half_billion_model_has_qwens_number_of_parameters():
    assert QWEN_HALF_BILLION.parameters == 494_032_768  # what Qwen2.5-0.5B's weights add up to


def test_the_parameters_are_those_of_transformers_own_model():
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=TINY.vocabulary,
        hidden_size=TINY.hidden,
        intermediate_size=TINY.intermediate,
        num_hidden_layers=TINY.layers,
        num_attention_heads=TINY.heads,
        num_key_value_heads=TINY.kv_heads,
        tie_word_embeddings=True,
    )
    assert TINY.parameters == sum(w.numel() for w in Qwen2ForCausalLM(config).parameters())


def test_flops_of_a_token_by_hand():
    shape = Shape(hidden=10, intermediate=20, layers=2, heads=2, kv_heads=1, vocabulary=100)
    # Embeddings 1000; a block 100 + 10 (queries) + 2 * 55 (keys, values) + 100 (out) + 600 + 20.
    assert shape.parameters == 1000 + 2 * 940 + 10 == 2890
    assert flops_per_token(shape, length=7) == 6 * 2890 + 12 * 2 * 10 * 7 == 19_020
    assert flops_per_token(shape, length=7, adapters=50) == 4 * 2890 + 6 * 50 + 1680 == 13_540


@pytest.mark.parametrize(
    ("card", "precision", "tera"),
    [
        ("NVIDIA H100 80GB HBM3", "bf16", 989),
        ("NVIDIA H100 PCIe", "bf16", 756),
        ("NVIDIA H200", "fp16", 989),
        ("NVIDIA A100-SXM4-80GB", "bf16", 312),
        ("NVIDIA A100 80GB PCIe", "bf16", 312),
        ("NVIDIA L4", "bf16", 121),
        ("NVIDIA GeForce RTX 4090", "fp16", 165),
        ("Tesla T4", "fp16", 65),
        ("Tesla T4", "bf16", None),  # it has none
        ("NVIDIA H100 80GB HBM3", "fp32", None),
        ("NVIDIA L40S", "bf16", None),
        ("NVIDIA GH200 480GB", "bf16", None),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "bf16", None),
    ],
)
def test_a_cards_peak_is_known_by_its_whole_name(card, precision, tera):
    assert peak(card, precision) == (tera and tera * 1e12)


def test_a_deadline_cuts_the_last_check_short_and_then_allows_none():
    now = [100.0]
    deadline = Deadline(60, clock=lambda: now[0])
    assert deadline.allows(20) == 20
    now[0] += 45
    assert deadline.allows(20) == 15
    now[0] += 6
    assert deadline.allows(20) is None


def bench_in(folder):
    here = str(Path(__file__).parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), here])}
    return Bench(Path(folder), Path(folder) / "log.txt", environment)


@pytest.fixture
def bench(tmp_path):
    return bench_in(tmp_path)


@pytest.mark.parametrize(
    ("does", "result"),
    [
        ("well", "ok"),
        ("fault", "failed: grew by 7 MiB"),
        ("raise", "failed: RuntimeError: no kernel image is available"),
        ("crash", "failed: ended by SIGSEGV"),
        ("hang", "failed: not done after 1 s"),
        ("half, then raise", "failed: RuntimeError: no kernel image is available"),
        ("silent", "failed: exit code 0, and nothing said"),
    ],
)
def test_whatever_becomes_of_a_check_gives_a_row(bench, does, result):
    check = Check(does, "faulty_check", (does,), seconds=1 if does == "hang" else 50)
    row = run(check, Deadline(100), bench)
    assert row.result == result
    assert row.ok == (does == "well")
    kept = {"well": 1234, "fault": 1234, "half, then raise": 567}
    assert row.figures == ({"tokens/s": kept[does]} if does in kept else {})
    assert row.seconds < 50
    assert f"== {does}: " in bench.log.read_text()


def test_a_check_is_not_begun_without_time(bench):
    row = run(Check("late", "faulty_check", ("well",)), Deadline(0), bench)
    assert row == Row("late", "faulty_check", "not run: no time left")
    assert not bench.log.exists()


ROWS = [
    Row("lora bf16", "trial", "ok", 12.0, {"tokens/s": 45678, "MFU": 0.41}),
    Row("full bf16", "trial", "failed: a | b", 3.5, {"tokens/s": 123, "peak, MiB": None}),
    Row("series", "series", "ok", 60.0, {"growth, MiB": 0.0, "held, MiB": [1.0, 1.0]}),
]


def test_rows_of_a_kind_share_a_table():
    text = document.markdown({"card": "NVIDIA L4", "notes": ["peft is missing"]}, ROWS)
    assert text == (
        "# What was measured on one GPU\n"
        "\n"
        "- card: NVIDIA L4\n"
        "- **peft is missing**\n"
        "\n"
        "## trial\n"
        "\n"
        "| check | result | s | tokens/s | MFU | peak, MiB |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| lora bf16 | ok | 12 | 45,678 | 0.41 |  |\n"
        "| full bf16 | failed: a \\| b | 3.5 | 123 |  |  |\n"
        "\n"
        "## series\n"
        "\n"
        "| check | result | s | growth, MiB |\n"
        "| --- | --- | --- | --- |\n"
        "| series | ok | 60 | 0.0 |\n"
    )


def test_the_json_holds_all_figures(tmp_path):
    document.write(tmp_path, {"card": "NVIDIA L4"}, ROWS)
    tree = json.loads((tmp_path / "gpu-check.json").read_text())
    assert tree["machine"] == {"card": "NVIDIA L4"}
    assert tree["checks"][2]["figures"]["held, MiB"] == [1.0, 1.0]
    assert not list(tmp_path.glob("*.partial"))


def test_the_checks_of_lanes_are_done_in_eight_minutes():
    found = checks(tiny=False, suite="lanes")
    assert found[0].name == "model"
    assert len({check.name for check in found}) == len(found)
    assert all(importlib.util.find_spec(check.module) for check in found)
    assert sum(check.seconds for check in found) <= 8 * 60


@pytest.mark.parametrize("tiny", [True, False])
def test_every_check_is_a_module_with_a_name_of_its_own(tiny):
    found = checks(tiny)
    assert found[0].name == "model", "what the others use comes first"
    assert len({check.name for check in found}) == len(found)
    assert all(importlib.util.find_spec(check.module) for check in found)
    assert any("fp16" in check.name for check in found) is not tiny


def test_what_is_needed_is_what_the_project_requires():
    assert [each.split(">")[0] for each in requirements()] == list(NEEDED)


def test_a_slim_wheel_lacks_only_what_no_torch_of_ours_loads(tmp_path):
    wheel = tmp_path / "bitsandbytes-1-py3-none-any.whl"
    kept = ["cpu", "cuda126", "cuda128", "cuda130"]
    gone = ["xpu2026", "rocm64", "cuda118", "cuda121", "cuda124"]
    names = [f"bitsandbytes/libbitsandbytes_{kind}.so" for kind in (*kept, *gone)]
    record = "bitsandbytes-1.dist-info/RECORD"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in names:
            archive.writestr(name, name)
        archive.writestr(record, "".join(f"{name},sha256=x,1\n" for name in names))
    slim(wheel)
    with zipfile.ZipFile(wheel) as archive:
        assert archive.namelist() == [*names[: len(kept)], record]
        assert archive.read(names[0]).decode() == names[0]
        assert archive.read(record).decode().count("\n") == len(kept)


ASKED_TO_END = """
import signal, sys
from test_gpu_check import Check, Deadline, bench_in, run
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
run(Check("hang", "faulty_check", ("hang",)), Deadline(100), bench_in(sys.argv[1]))
"""


def test_whoever_ends_the_checks_ends_the_one_that_runs(tmp_path):
    environment = dict(bench_in(tmp_path).environment)
    with subprocess.Popen(
        [sys.executable, "-c", ASKED_TO_END, tmp_path], env=environment
    ) as runner:
        started = tmp_path / "pid"
        while not started.exists():
            assert runner.poll() is None
            time.sleep(0.05)
        runner.terminate()
        assert runner.wait(60) == 3
    assert not psutil.pid_exists(int(started.read_text()))
