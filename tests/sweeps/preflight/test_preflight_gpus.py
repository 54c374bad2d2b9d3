"""GPUs against a sweep's needs: facts as nvidia-smi writes them, judged without a GPU."""

from __future__ import annotations

from dataclasses import replace

import pytest
import tiny_training as tiny

from sweeps.planning.sizes import GIB
from sweeps.preflight.facts import Facts, TorchBuild
from sweeps.preflight.finding import Level
from sweeps.preflight.gpus import Offer, check_gpus
from sweeps.preflight.needs import Needs
from sweeps.preflight.nvidia import read_gpus

LISTED = """\
0, GPU-aa, NVIDIA A100-SXM4-80GB, 81920, 81000, 8.0, 550.54.15
1, GPU-bb, NVIDIA A100-SXM4-80GB, 81920, 60900, 8.0, 550.54.15
"""
HELD = "GPU-bb, 4711, /usr/bin/python3, 20480\nGPU-bb, 4712, [N/A], [N/A]\n"
BUILD = TorchBuild("2.13.0+cu130", 2, "13.0", ("sm_75", "sm_80", "sm_90", "compute_120"))
A100S = Facts("box", 2**38, read_gpus(LISTED, HELD), BUILD, 2**34)
OFFER = Offer(2)


def needs(peak: float | None = None, **params) -> Needs:
    return Needs((tiny.trial(**params),), peak=None if peak is None else int(peak * GIB))


def told(facts: Facts, needs: Needs, offer: Offer = OFFER) -> list[tuple[Level, str]]:
    return [(each.level, str(each)) for each in check_gpus(facts, needs, offer)]


def with_capability(capability: tuple[int, int]) -> Facts:
    gpus = tuple(replace(gpu, capability=capability, free=gpu.memory) for gpu in A100S.gpus)
    return replace(A100S, gpus=gpus)


def test_a_process_that_takes_a_trials_room_is_named_and_refused():
    ((level, said),) = told(A100S, needs(peak=65))
    assert level is Level.WRONG
    assert said.startswith("GPU 1 (NVIDIA A100-SXM4-80GB) of box has 59.5 GB of 80.0 GB free")
    assert "/usr/bin/python3 (pid 4711) holds 20.0 GB" in said
    assert "slots.gpu: 59GB" in said


@pytest.mark.parametrize("peak", [None, 40])
def test_a_process_beside_which_trials_fit_is_a_note(peak):
    ((level, said),) = told(A100S, needs(peak))
    assert level is Level.NOTE and "pid 4711" in said


def test_gpus_that_other_programs_of_ray_hold_may_be_free_in_time():
    ((level, _),) = told(A100S, needs(peak=65), Offer(2, taken=True))
    assert level is Level.NOTE


def test_two_workers_of_one_gpu_need_twice_as_much():
    half = replace(needs(peak=35), share=0.5)
    assert [level for level, _ in told(A100S, half)] == [Level.WRONG]
    assert [level for level, _ in told(A100S, replace(half, share=1.0))] == [Level.NOTE]


def test_a_smaller_gpu_than_planned_for_is_refused():
    said = told(with_capability((8, 0)), needs(peak=100))
    assert [level for level, _ in said] == [Level.WRONG, Level.WRONG]


@pytest.mark.parametrize(
    ("capability", "params", "words"),
    [
        ((5, 2), {}, "cannot run this build of torch"),
        ((8, 6), {}, None),  # sm_80 runs there
        ((10, 0), {}, "cannot run this build of torch"),
        ((12, 1), {}, None),  # by its intermediate code
        ((7, 5), {"method": "lora", "attention": "flash_attention_2", "precision": "fp16"}, "8.0"),
    ],
)
def test_generations_of_gpus(capability, params, words):
    said = told(with_capability(capability), needs(**params))
    wrong = {text for level, text in said if level is Level.WRONG}
    assert (len(wrong) == 1 and words in wrong.pop()) if words else not wrong


def test_4_bits_need_pascal():
    build = replace(BUILD, architectures=("sm_50",))
    facts = replace(with_capability((5, 2)), torch=build)
    ((level, said),) = told(facts, needs(method="qlora"))
    assert level is Level.WRONG and "4-bit" in said and "6.0" in said
    assert told(facts, needs(method="lora")) == []


def test_bf16_before_ampere_is_a_note_with_the_better_precision():
    ((level, said),) = told(with_capability((7, 5)), needs(precision="bf16"))
    assert level is Level.NOTE and "precision=fp16" in said


def test_a_driver_that_torch_cannot_use_is_refused_with_both_versions():
    ((level, said),) = told(
        replace(A100S, torch=replace(BUILD, seen=0), gpus=A100S.gpus[:1]), needs()
    )
    assert level is Level.WRONG and "CUDA 13.0" in said and "550.54.15" in said


def test_trials_on_cpus_ask_nothing_of_gpus():
    assert told(A100S, replace(needs(peak=500), share=0.0)) == []


def test_only_visible_gpus_count():
    for visible, numbers in (("1", [1]), ("GPU-aa", [0]), ("", []), (None, [0, 1])):
        assert [gpu.number for gpu in read_gpus(LISTED, HELD, visible)] == numbers


def test_fields_that_a_driver_does_not_know_are_left_out():
    (gpu,) = read_gpus("0, GPU-cc, Tesla K80, 11441, 11441, [N/A], 390.1\nno gpu\n", "")
    assert gpu.capability == (0, 0)
    assert told(Facts("old", 2**34, (gpu,), None), needs(), Offer(0)) == []
