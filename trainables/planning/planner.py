"""Estimates for the trials of one sweep: few passes, and closed forms for the rest."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace

from pydantic import BaseModel

from trainables.config.trial import TrialConfig
from trainables.planning.answering import answering_of
from trainables.planning.chords import Chords, most_within
from trainables.planning.estimate import Estimate
from trainables.planning.inventory import Inventory
from trainables.planning.passes import Measured, Passes
from trainables.planning.states import states_of
from trainables.training.inputs import Inputs

_SIZES = (
    "lora.rank",
    "adapter.size",
    "prefix.virtual_tokens",
    "prompt.virtual_tokens",
    "ptuning.virtual_tokens",
)
"""Fields with which a trial's memory grows as a straight line, or as several."""

_FEW = 3
"""Values of such a field up to which each is measured."""

_COMPARED = 4
"""Sequences of the passes by which lines are judged."""


class Planner:
    """Estimates for the trials of one sweep; one pass serves all that compute alike."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._passes = Passes(inputs)
        self._known: dict[Hashable, Measured] = {}
        self._sizes: dict[str, set[int]] = {}
        self._lines: dict[Hashable, Chords[Measured] | None] = {}
        self._lengths: dict[Hashable, Chords[Measured]] = {}

    def expect(self, configs: Iterable[TrialConfig]) -> None:
        """Name trials to come. Where these have a method in many sizes, few of them are measured,
        and those between lie on lines through them."""
        for config in configs:
            if field := _size_field(config):
                self._sizes.setdefault(field, set()).add(_size(config, field))

    def longest(self, config: TrialConfig) -> int:
        """Tokens of the longest sequence that is trained on."""
        return self._passes.longest(config)

    def estimate(self, config: TrialConfig, workers: int) -> Estimate:
        """ModelError if transformers cannot build the model without its weights."""
        return self._estimate(config, workers, self._measured(config), self.longest(config))

    def of_length(self, config: TrialConfig, workers: int, length: int) -> Estimate:
        """The estimate of a trial whose sequences, one at a time, have so many tokens."""
        return self._estimate(config, workers, self._passes.of_length(config, length), length)

    def longest_within(
        self, config: TrialConfig, workers: int, room: Callable[[Estimate], int], most: int
    ) -> int:
        """The most tokens, up to `most`, that a sequence can have which trains alone in the room of
        its estimate; 0 if the longest of the data does not fit. Not for trials whose answers are
        written in training."""
        low, kind = self.longest(config), _alike(config)
        high = max(low, most)
        if kind not in self._lengths:
            self._lengths[kind] = Chords(
                lambda length: self._passes.of_length(config, length),
                low,
                high,
                Measured.towards,
                lambda measured: measured.activations.first.of(1),
            )
        lengths = self._lengths[kind]

        def excess(tokens: int) -> int:
            estimate = self._estimate(config, workers, lengths.at(tokens), tokens)
            return estimate.peak(1) - room(estimate)

        return most_within(excess, low, high, 0)

    def _estimate(
        self, config: TrialConfig, workers: int, measured: Measured, longest: int
    ) -> Estimate:
        inventory, activations = measured.inventory, measured.activations
        states = states_of(inventory, config, workers)
        if config.deepspeed and config.deepspeed.zero_stage >= 2:
            # Gradients that other ranks keep are freed as soon as they are reduced.
            freed = _gradients(inventory, config) - states.gradients
            first = activations.first.without(freed, states.gradients)
            activations = replace(activations, first=first)
        return Estimate(
            inventory,
            states,
            activations,
            measured.unpacking,
            answering_of(config, self._inputs, inventory, workers, longest),
            rows=max(1, config.learns.step_size(config) // workers),
        )

    def _measured(self, config: TrialConfig) -> Measured:
        key = _alike(config)
        if key not in self._known:
            self._known[key] = self._on_a_line(config) or self._passes.measured(config)
        return self._known[key]

    def _on_a_line(self, config: TrialConfig) -> Measured | None:
        """From other sizes of the method; None if it is to be measured itself."""
        field = _size_field(config)
        sizes = self._sizes.get(field, set()) if field else set()
        if field is None or len(sizes) <= _FEW:
            return None
        if not min(sizes) <= _size(config, field) <= max(sizes):
            return None

        def of_size(size: int) -> TrialConfig:
            return config.with_params({field: size})

        kind = _alike(of_size(min(sizes)))
        try:
            if kind not in self._lines:
                self._lines[kind] = Chords(
                    lambda size: self._passes.measured(of_size(size)),
                    min(sizes),
                    max(sizes),
                    Measured.towards,
                    lambda measured: measured.activations.first.of(_COMPARED),
                )
            line = self._lines[kind]
            return line.at(_size(config, field)) if line else None
        except ValueError:  # the models of two sizes differ in kind
            self._lines[kind] = None
            return None


def _gradients(inventory: Inventory, config: TrialConfig) -> int:
    width = 4 if config.precision == "fp32" else 2
    return width * inventory.trained_elements


def _size_field(config: TrialConfig) -> str | None:
    sections = config.tunes.sections
    return next((name for name in _SIZES if name.partition(".")[0] in sections), None)


def _size(config: TrialConfig, field: str) -> int:
    section, _, name = field.partition(".")
    return int(getattr(getattr(config, section), name))


_MATTERS = (
    "objective",
    "method",
    "precision",
    "gradient_checkpointing",
    "data",
    "label_smoothing",
    "attention",
)


def _alike(config: TrialConfig) -> Hashable:
    """What two trials must share to have the same passes."""
    kinds = [config.tunes, config.learns]
    sections = [getattr(config, name) for kind in kinds for name in kind.sections]
    own = [repr(getattr(config, name)) for name in _MATTERS]
    asked = [repr(_by_sign(section)) for section in sections]
    return (*own, *asked, config.neftune_noise > 0, config.deepspeed is not None)


def _by_sign(section: BaseModel) -> Mapping[str, object]:
    """Its settings. Of numbers that are no counts, such as a dropout, it matters whether there are
    any: no tensor has them for its size."""
    return {
        name: value > 0 if isinstance(value, float) else value
        for name, value in section.model_dump().items()
    }
