"""The memory of bitsandbytes' paged optimizers, which takes it and never gives it back."""

from __future__ import annotations

import ctypes
import sys

import torch


def release_pages() -> None:
    """Free the optimizer state of all paged optimizers, which nothing may use any more.

    It is CUDA's managed memory, which torch does not count. bitsandbytes lists what it has taken
    and frees none of it: a warm process would grow by the state of each trial.
    """
    functional = sys.modules.get("bitsandbytes.functional")
    if functional is None:
        return
    pages = functional.GlobalPageManager.get_instance().paged_tensors
    # bitsandbytes' library is linked to CUDA's runtime, and so leads to it.
    free = getattr(functional.lib._lib, "cudaFree", None) if pages else None
    if free is None:
        return
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    for page in pages:
        free(ctypes.c_void_p(page.data_ptr()))
    pages.clear()
