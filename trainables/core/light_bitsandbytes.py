"""bitsandbytes, imported without torch's compiler; import it before PEFT, which imports that.

As it is imported, bitsandbytes asks torch.compile for two functions. This imports torch's inductor:
a processor second and 40 MB in each worker of a slot, for functions that are rarely called.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import Any

import torch


def _late(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """As torch.compile, which it asks at the first call; torch compiles no earlier."""
    compiled = cache(lambda: _COMPILE(function, **options))

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        return compiled()(*arguments, **named)

    return call


_COMPILE = torch.compile
torch.compile = _late  # type: ignore[assignment]
try:
    import bitsandbytes  # noqa: F401
finally:
    torch.compile = _COMPILE
