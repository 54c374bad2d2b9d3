"""Whether an export measures like the trial that it came from."""

from __future__ import annotations

from collections.abc import Mapping

from sweeps.base.errors import SweepError
from sweeps.models.content import Form
from trainables.config.trial import TrialConfig

_EXACT = 1e-4
"""Largest difference between two measurements of the same weights in fp32, relative to a loss of 1
nat or more: sums in another order."""

_HALF = 5e-3
"""The same where a half precision computes, whose kernels differ between devices."""

_ROUNDED = 2e-2
"""The same for weights that were rounded to half precision when they were merged."""


def tolerance(form: Form, config: TrialConfig) -> float:
    """Largest accepted difference of eval_loss from the trial's."""
    if form.dtype in ("fp16", "bf16"):
        return _ROUNDED
    return _EXACT if config.precision == "fp32" else _HALF


def refuse_to_differ(
    form: Form, config: TrialConfig, then: Mapping[str, float], now: Mapping[str, float]
) -> None:
    """SweepError if the export's eval_loss is not that of the trial."""
    before, after = then["eval_loss"], now["eval_loss"]
    allowed = tolerance(form, config) * max(1.0, abs(before))
    if abs(after - before) <= allowed:
        return
    remedy = "the trial's files may be damaged; export another trial with --trial"
    if form.merges and form.dtype != "fp32":
        remedy = "merge in full precision with --dtype fp32, or export the adapter without --merge"
    raise SweepError(
        f"the export was not written, since it measures differently: eval_loss {after:.6f}, the "
        f"trial {before:.6f} (allowed difference {allowed:.2g}); {remedy}"
    )
