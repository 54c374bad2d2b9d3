"""A model that was loaded outside of a workshop, measured like a trial."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from trainables.architecture.vocabulary import with_tokens
from trainables.config.trial import TrialConfig
from trainables.losses.batch import Batch
from trainables.losses.loss import Scores, measure
from trainables.losses.make import make_loss
from trainables.losses.reference import Reference, ReferenceMemo, as_untouched
from trainables.losses.tokens import WHOLE_LOGITS
from trainables.training.base import (
    autocast,
    autocast_dtype,
    load_model,
    loading_of,
    settle_on_cpu,
)
from trainables.training.inputs import Inputs
from trainables.training.workshop import Workshop


def scores_of(model: PreTrainedModel, config: TrialConfig, inputs: Inputs) -> Scores:
    """The model on the validation set, in the batches and the precision of the trial."""
    workshop = Workshop(inputs)
    if not getattr(model, "is_quantized", False):
        model = model.to(workshop.device)
    elif workshop.device.type == "cpu":
        settle_on_cpu(model)
    return measure(
        make_loss(
            config, workshop.train_set, inputs.labels, lambda: _reference(config, inputs, workshop)
        ),
        model,
        workshop.validation_set,
        config.micro_batch_size,
        workshop.pad_id,
        workshop.device,
        autocast_dtype(config),
    )


def _reference(config: TrialConfig, inputs: Inputs, workshop: Workshop) -> Reference:
    """The answers of the untouched base, loaded beside the model."""
    device = workshop.device
    base = load_model(inputs.model, loading_of(config), device=device)
    base = with_tokens(base, inputs.new_tokens)

    def untouched(batch: Batch) -> torch.Tensor:
        with as_untouched(base), autocast(config, device):
            return WHOLE_LOGITS.loss_sums(base, batch)

    count = len(workshop.train_set) + len(workshop.validation_set)
    memo = ReferenceMemo(count, workshop.train_set.arity, device)
    return Reference(memo, untouched, together=False)
