"""The memory of bitsandbytes' paged optimizers, which bitsandbytes never frees."""

from __future__ import annotations

import ctypes
import sys

import torch


def release_pages() -> None:
    """Free the optimizer state of all paged optimizers, which must no longer be in use.

    It is CUDA managed memory, which torch does not count. bitsandbytes lists its allocations and
    frees none of them: a warm process would grow by each trial's state.
    """
    functional = sys.modules.get("bitsandbytes.functional")
    if functional is None:
        return
    pages = functional.GlobalPageManager.get_instance().paged_tensors
    # bitsandbytes' library is linked to CUDA's runtime, so its symbols are found through it.
    free = getattr(functional.lib._lib, "cudaFree", None) if pages else None
    if free is None:
        return
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    for page in pages:
        free(ctypes.c_void_p(page.data_ptr()))
    pages.clear()
