"""The fields of a trial that a sweep cannot search."""

from __future__ import annotations

from collections.abc import Mapping

from trainables.config.data import DataConfig
from trainables.config.growth import GROWS

NOT_SEARCHABLE: Mapping[str, str] = {
    "model": "losses per token of two tokenizers cannot be compared; launch one sweep per model",
    "model_revision": "launch one sweep per revision",
    "trust_remote_code": "it applies to the model, which is the same for all trials",
    "objective": "the losses of two objectives cannot be compared; launch one sweep per objective",
    **dict.fromkeys(
        [f"data.{name}" for name in DataConfig.model_fields if name != "mix"],
        "every trial must be measured on the same sequences; launch one sweep per data set",
    ),
    "data.order_seed": "all trials see the data in the same order; confirm: tries other orders",
    "data.packing": "it changes what batch_size counts; launch one sweep with it and one without",
    "data.mix.train": "launch one sweep per data set; data.mix.proportion can be searched",
    **dict.fromkeys(
        ["evaluation", "metrics", "trust_metric_code"],
        "every trial must be measured in the same way",
    ),
    **dict.fromkeys(
        [f"rl.{name}" for name in ("rewards", "reward_model", "reward_model_precision")]
        + ["rl.held_out", "rl.max_kl"],
        "every trial must be judged in the same way",
    ),
    "budget": "trials with unequal budgets cannot be compared",
    GROWS: "set micro_batch_size: auto for all trials",
    **dict.fromkeys(
        [f"classification.{name}" for name in ("target", "labels", "delimiter")],
        "every trial must predict the same; launch one sweep for each",
    ),
    "attention": "it changes speed, not what is learned; launch one sweep with each and compare",
    "compile": "it changes speed, not what is learned; launch one sweep with it and one without",
    "seed": "each trial's seed derives from search.seed and the trial's number",
    "toy": "it describes the landscape, not the trial",
}
"""Fields fixed within a sweep, each with the reason; a name covers the fields below it."""
