from __future__ import annotations

import ctypes
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch

from trainables.training.pages import release_pages

MIB = 2**20
SIZE = 64 * MIB

LIBC = ctypes.CDLL(None)
LIBC.malloc.restype = ctypes.c_void_p


@pytest.fixture
def pages(monkeypatch):
    """bitsandbytes' list, and C's `free` in place of CUDA's, which there is only with a GPU."""
    from bitsandbytes import functional

    library = SimpleNamespace(_lib=SimpleNamespace(cudaFree=LIBC.free))
    monkeypatch.setattr(functional, "lib", library)
    return functional.GlobalPageManager.get_instance().paged_tensors


def page() -> torch.Tensor:
    """As bitsandbytes makes one: a tensor over memory that does not belong to it."""
    address = ctypes.cast(LIBC.malloc(ctypes.c_size_t(SIZE)), ctypes.POINTER(ctypes.c_uint8))
    array = np.ctypeslib.as_array(address, shape=(SIZE,))
    array.fill(1)
    return torch.frombuffer(array, dtype=torch.uint8)


def test_pages_of_an_ended_trial_are_given_back_and_forgotten(pages):
    def resident() -> float:
        return psutil.Process().memory_info().rss / MIB

    before = resident()
    pages += [page(), page()]
    assert resident() > before + 100
    release_pages()
    assert not pages
    assert resident() < before + 30
    release_pages()


def test_without_a_gpu_there_are_none():
    release_pages()
