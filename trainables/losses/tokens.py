"""Token losses, summed over each sequence: the basis of language modelling and preferences."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from trainables.data.tokens.batches import IGNORED
from trainables.losses.batch import Batch, queued
from trainables.losses.forward import logits_of, output_of
from trainables.losses.head import LanguageHead, answering, divisible, head_module

MOST_ELEMENTS = 2**27
"""Maximum logits held in float32 at once without gradients: half a gigabyte."""

PART_ELEMENTS = 2**25
LEAST_PART = 256
"""Logits computed at once: so many elements, and those of at least so many tokens."""

Scored = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From logits [targets, words] and targets to numbers of each target: [numbers, targets]."""


class TokenLosses:
    """The losses of a model's target tokens.

    With a `head`, only the logits of targets are computed, a part at a time, and again in the
    backward pass; without one, those of all tokens.
    """

    def __init__(self, head: LanguageHead | None = None) -> None:
        self._head = head

    @property
    def logits(self) -> str:
        """The tokens whose logits are computed, as trials' records name them."""
        return "whole" if self._head is None else "targets"

    def losses(
        self, model: torch.nn.Module, batch: Batch, label_smoothing: float = 0.0
    ) -> torch.Tensor:
        """[sequences, length - 1]: the loss of each token except the first, 0 for non-targets."""
        if self._head is None:
            return token_losses(logits_of(model, batch), batch["labels"], label_smoothing)

        def scored(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            return _cross_entropy(logits, targets, label_smoothing)[None]

        return self._asked(self._head, model, batch, scored)[0]

    def loss_sums(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """[sequences]: minus the log-probability of each sequence's targets, in float32."""
        return self.losses(model, batch).sum(1)

    def sums(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """[sequences, 3]: loss sum in nats, targets, and likeliest tokens among them."""
        labels = batch["labels"]
        if self._head is None:
            return _whole_sums(logits_of(model, batch), labels)
        losses, hits = self._asked(self._head, model, batch, _losses_and_hits)
        return _stacked(losses, hits, labels)

    def of_policy(self, model: torch.nn.Module, batch: Batch, temperature: float) -> torch.Tensor:
        """[2, sequences, length - 1]: each target's log-probability at a temperature, and the
        entropy at its place, in nats and without gradients; 0 for non-targets."""

        def scored(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            return _of_policy(logits.float() / temperature, targets)

        return spread(self.at_targets(model, batch, scored), batch)

    def at_targets(self, model: torch.nn.Module, batch: Batch, scored: Scored) -> torch.Tensor:
        """[numbers, targets]: `scored` at the targets of all sequences, in order."""
        if self._head is not None:
            return self._found(self._head, model, batch, scored)
        labels = batch["labels"][:, 1:].reshape(-1)
        places = queued(torch.from_numpy(batch["targets"]), labels.device)
        logits = logits_of(model, batch)[:, :-1].flatten(0, 1)
        return scored(logits[places], labels[places])

    def _asked(
        self, head: LanguageHead, model: torch.nn.Module, batch: Batch, scored: Scored
    ) -> torch.Tensor:
        """[numbers, sequences, length - 1]: `scored` at the targets, 0 elsewhere."""
        return spread(self._found(head, model, batch, scored), batch)

    def _found(
        self, head: LanguageHead, model: torch.nn.Module, batch: Batch, scored: Scored
    ) -> torch.Tensor:
        """[numbers, targets]."""
        labels = batch["labels"][:, 1:].reshape(-1)
        targets = labels[queued(torch.from_numpy(batch["targets"]), labels.device)]

        def answers(
            hidden: torch.Tensor, ask: Callable[[torch.Tensor], torch.Tensor]
        ) -> torch.Tensor:
            chosen = asked_states(hidden, batch)
            module = head_module(model)
            assert module is not None, "its forward is being called"
            return _in_parts(head, module, ask, chosen, targets, scored)

        with answering(model, answers):
            return output_of(model, batch)


WHOLE_LOGITS = TokenLosses()


def spread(found: torch.Tensor, batch: Batch) -> torch.Tensor:
    """[numbers, targets] -> [numbers, sequences, length - 1], 0 beside the targets."""
    rows, length = batch["labels"].shape
    places = queued(torch.from_numpy(batch["targets"]), found.device)
    whole = found.new_zeros(len(found), rows * (length - 1))
    return whole.index_copy(1, places, found).view(len(found), rows, length - 1)


def asked_states(hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
    """[targets, width]: the last hidden states that the head makes the targets' logits of."""
    rows, length = batch["labels"].shape
    places = queued(torch.from_numpy(batch["targets"]), hidden.device)
    states = hidden.flatten(0, 1)
    # Prompt methods put virtual tokens before each sequence.
    each = len(states) // rows
    row, at = places // (length - 1), places % (length - 1)
    return states[row * each + each - length + at]


def _in_parts(
    head: LanguageHead,
    module: torch.nn.Module,
    ask: Callable[[torch.Tensor], torch.Tensor],
    hidden: torch.Tensor,
    targets: torch.Tensor,
    scored: Scored,
) -> torch.Tensor:
    def numbers(some: torch.Tensor, their_targets: torch.Tensor) -> torch.Tensor:
        return scored(head.finished(ask(some)), their_targets)

    size = max(LEAST_PART, PART_ELEMENTS // head.words)
    if len(targets) <= size or not divisible(module):
        return numbers(hidden, targets)
    parts = zip(torch.split(hidden, size), torch.split(targets, size), strict=True)
    if not torch.is_grad_enabled():
        return torch.cat([numbers(*part) for part in parts], dim=1)
    # An adapter may draw random numbers for its dropout.
    draws = next(module.children(), None) is not None
    return torch.cat(
        [
            checkpoint(numbers, *part, use_reentrant=False, preserve_rng_state=draws)
            for part in parts
        ],
        dim=1,
    )


def token_losses(
    logits: torch.Tensor, labels: torch.Tensor, label_smoothing: float = 0.0
) -> torch.Tensor:
    """[sequences, length - 1]: the loss of each token except the first, 0 for non-targets."""
    return _cross_entropy(logits[:, :-1].transpose(1, 2), labels[:, 1:], label_smoothing)


def _cross_entropy(
    logits: torch.Tensor, targets: torch.Tensor, label_smoothing: float
) -> torch.Tensor:
    return cross_entropy(
        logits.float(),
        targets,
        reduction="none",
        ignore_index=IGNORED,
        label_smoothing=label_smoothing,
    )


def _of_policy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    every = torch.log_softmax(logits, -1)
    chosen = every.gather(1, targets[:, None]).squeeze(1)
    entropy = -(every.detach().exp() * every.detach()).sum(-1)
    return torch.stack([chosen, entropy])


def _losses_and_hits(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    losses = _cross_entropy(logits, targets, 0.0)
    return torch.stack([losses, (logits.argmax(-1) == targets).to(losses.dtype)])


def _whole_sums(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """A few rows at a time if they are large, because a whole micro-batch in float32 is the largest
    tensor of an evaluation; all at once if they are small, because each operation costs time.
    """
    rows = max(1, MOST_ELEMENTS // logits[0].numel())
    parts = zip(torch.split(logits, rows), torch.split(labels, rows), strict=True)
    return torch.cat([_sums(some_logits, some_labels) for some_logits, some_labels in parts])


def _sums(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    losses = token_losses(logits, labels)
    return _stacked(losses, logits[:, :-1].argmax(-1) == labels[:, 1:], labels)


def _stacked(losses: torch.Tensor, hits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    counted = labels[:, 1:] != IGNORED
    return torch.stack([each.double().sum(1) for each in (losses, counted, hits)], dim=1)
