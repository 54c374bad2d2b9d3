"""The rollouts of one trial: written when a step needs new answers, kept for the steps on them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from trainables.architecture.value_head import value_head
from trainables.config.trial import TrialConfig
from trainables.core import ranks
from trainables.core.evaluation import AnswersCost
from trainables.data.tokens.sequences import IntArray
from trainables.losses.advantages import without_difference
from trainables.losses.batch import Batch, to_device
from trainables.losses.forward import evaluating
from trainables.losses.policy import Pass, PolicyLoss
from trainables.losses.values import valuing
from trainables.metrics.length import ENDED
from trainables.metrics.written import Written
from trainables.objectives.policy import KL, RlConfig
from trainables.training.base import autocast
from trainables.training.plan import Plan
from trainables.training.references import References
from trainables.training.rollouts.author import Author
from trainables.training.rollouts.credit import Foresight, compared, credit
from trainables.training.rollouts.health import MANY_CUT, Health, Seen, no_difference
from trainables.training.rollouts.journal import Journal
from trainables.training.rollouts.rewards import Floats, parts_of, total
from trainables.training.rollouts.rollout import FloatArray, Rollout
from trainables.training.rollouts.tally import Tally

if TYPE_CHECKING:
    from trainables.training.workshop import Workshop

_ROLLOUT = "rollout.npz"
_STATE = "rollouts.json"
"""Files in a checkpoint."""


class Rollouts:
    """Answers to the prompts of a plan, by the model as it is when they are needed."""

    def __init__(
        self,
        workshop: Workshop,
        config: TrialConfig,
        plan: Plan,
        model: torch.nn.Module,
        loss: PolicyLoss,
        references: References,
    ) -> None:
        self._workshop = workshop
        self._config = config
        self._plan = plan
        self._model = model
        self._loss = loss
        self._references = references
        self._settings = config.settings(RlConfig)
        self._author = Author(workshop, config, model)
        self._tally = Tally(workshop.device)
        self._health = Health(self._settings.max_kl)
        self._journal = Journal()
        self.judged = AnswersCost()
        self._rollout: Rollout | None = None
        self._seen: Seen | None = None
        self._critic = value_head(model)
        loss.watch = self._watch

    @property
    def tokens(self) -> int:
        """Tokens of prompts and answers that have been trained on, over all workers."""
        return self._journal.tokens

    def micro_batch(self, step: int, piece: int) -> Batch:
        """This rank's micro-batch number `piece` of a step, on the device."""
        number, again = divmod(step, self._settings.epochs)
        if self._rollout is None or self._rollout.number != number:
            self._settle()
            self._check(step)
            self._rollout = self._written(number, step)
        if piece == 0:
            self._journal.tokens += int(self._rollout.lengths.sum())
        batch = self._rollout.batch(
            self._rows(piece), self._workshop.pad_id, self._plan.accumulation, old=again > 0
        )
        return to_device(batch, self._workshop.device)

    def metrics(self) -> dict[str, float]:
        """Means over what was trained on since the last call. All ranks call it."""
        self._settle()
        return self._journal.taken()

    def check(self, metrics: Mapping[str, float], step: int) -> None:
        """DivergedError if an evaluation finds the policy too far from the base, whose answers to
        training prompts are not known without `rl.beta`."""
        if not self._settings.beta and KL in metrics:
            self._health.check_kl(metrics[KL], step)

    def save(self, folder: Path, step: int) -> None:
        """Write what a trial needs to go on after `step` into its checkpoint. All ranks call it."""
        self._settle()
        # Between two steps on it, a rollout cannot be written again: the policy has changed.
        rollout = self._gathered() if step % self._settings.epochs else None
        if ranks.rank() != 0:
            return
        if rollout is not None:
            rollout.save(folder / _ROLLOUT)
        seen = asdict(self._seen) if self._seen else None
        state: dict[str, object] = {"health": asdict(self._health), "seen": seen}
        state["journal"] = vars(self._journal)
        if self._critic is not None:
            state["values_start"] = self._critic.start
        (folder / _STATE).write_text(json.dumps(state), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Go on from a checkpoint."""
        state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
        self._health = Health.of(state["health"])
        self._journal = Journal.of(state["journal"])
        self._seen = Seen(**state["seen"]) if state["seen"] else None
        if self._critic is not None:
            self._critic.start = state["values_start"]
        file = folder / _ROLLOUT
        self._rollout = Rollout.load(file) if file.exists() else None

    def _rows(self, piece: int) -> IntArray:
        """The rows of this rank's micro-batch, as the plan shares a step among ranks."""
        size = self._plan.micro_batch_size
        first = (piece * self._plan.workers + ranks.rank()) * size
        return np.arange(first, first + size)

    def _watch(self, batch: Batch, seen: Pass) -> None:
        self._tally.add(batch, seen)
        if "old" in batch or self._settings.epochs == 1:
            return
        assert self._rollout is not None, "its answers have passed"
        if self._rollout.old is None:
            self._rollout.old = np.zeros_like(self._rollout.sampled)
        width = seen.log_probabilities.shape[1]
        self._rollout.old[batch["place"], :width] = seen.log_probabilities.float().cpu().numpy()

    def _settle(self) -> None:
        self._journal.passed(self._tally.taken())

    def _check(self, step: int) -> None:
        """DivergedError if the last rollout, now trained on, says so."""
        if self._seen is not None:
            kl = self._journal.present_mean("kl", "fresh_tokens")
            entropy = self._journal.present_mean("entropy", "tokens")
            self._health.check(replace(self._seen, kl=kl, entropy=entropy), step)

    def _written(self, number: int, step: int) -> Rollout:
        began = time.monotonic()
        begin, end = int(self._plan.ends[step]), int(self._plan.ends[step + 1])
        rollout, written = self._author.rollout(number, self._plan.order[begin:end])
        self.judged += replace(written.cost, generation_seconds=0.0)
        parts = parts_of(written, self._settings.rewards)
        rewards = total(parts, self._settings.rewards)
        if self._settings.beta:
            rollout.reference = self._reference(rollout)
        if self._critic is not None:
            if number == 0:
                self._critic.start = float(rewards.mean())
            rollout.values = self._values(rollout)
        foresight = credit(rollout, rewards, self._config)
        self._note(written, parts, rewards, foresight, time.monotonic() - began)
        return rollout

    def _note(
        self,
        written: Written,
        parts: dict[str, Floats],
        rewards: Floats,
        foresight: Foresight | None,
        seconds: float,
    ) -> None:
        """Put the new rollout on record; DivergedError if no answers have differed for long."""
        answers, equal = written.answers, without_difference(compared(rewards, self._config))
        cut = sum(not answer.ended for answer in answers)
        self._journal.wrote(
            {
                "answers": len(answers),
                "reward": float(rewards.sum()),
                **{name.removeprefix("eval_"): float(each.sum()) for name, each in parts.items()},
                "answer_tokens": sum(answer.tokens for answer in answers),
                "cut": cut,
                "groups": len(equal),
                "equal_groups": int(equal.sum()),
                "rollout_seconds": seconds,
            }
        )
        if self._seen is None and ranks.rank() == 0:
            self._remark(bool(equal.all()), cut / len(answers))
        most = self._config.evaluation.max_new_tokens
        self._health.check_rewards(not equal.all(), cut / len(answers), most)
        seen = Seen(float(rewards.mean()), float(rewards.var()), float(rewards.min()), len(rewards))
        if foresight is not None:
            self._journal.wrote({"explained_variance": foresight.explained * len(answers)})
            seen = replace(seen, value=foresight.value, earned=foresight.earned)
        self._seen = seen

    def _remark(self, equal: bool, cut: float) -> None:
        most = self._config.evaluation.max_new_tokens
        if equal:
            self._workshop.progress.remark(f"at the first step {no_difference(cut, most)}")
        elif cut > MANY_CUT:
            rewarded = ENDED.name in self._settings.rewards
            self._workshop.progress.remark(
                f"at the first step {cut:.0%} of the answers were cut after "
                f"evaluation.max_new_tokens {most:,} without an end; raise it"
                + (", or reward eval_ended" if not rewarded else "")
            )

    def _reference(self, rollout: Rollout) -> FloatArray:
        """The base's log-probabilities of the answers' tokens."""

        def known(batch: Batch) -> torch.Tensor:
            with self._references.base_of(self._config, self._model) as base:
                return self._log_probabilities(base, batch)

        return self._of_tokens(rollout, known)

    def _values(self, rollout: Rollout) -> FloatArray:
        """What the value head expects at the answers' tokens."""

        def known(batch: Batch) -> torch.Tensor:
            precise = autocast(self._config, self._workshop.device)
            with precise, evaluating(self._model), valuing(self._model, batch) as values:
                self._log_probabilities(self._model, batch)
            return values.pop()

        return self._of_tokens(rollout, known)

    def _log_probabilities(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        return self._loss.tokens.of_policy(model, batch, self._settings.temperature)[0]

    @torch.no_grad()
    def _of_tokens(self, rollout: Rollout, known: Callable[[Batch], torch.Tensor]) -> FloatArray:
        """What a pass says of each token; the ranks share the rows."""
        found = np.zeros_like(rollout.sampled)
        for piece in range(self._plan.accumulation):
            rows = self._rows(piece)
            batch = to_device(rollout.batch(rows, self._workshop.pad_id), self._workshop.device)
            numbers = known(batch)
            found[rows, : numbers.shape[1]] = numbers.float().cpu().numpy()
        return _summed(found)

    def _gathered(self) -> Rollout | None:
        """The rollout with the log-probabilities of all ranks."""
        if self._rollout is None or self._rollout.old is None:
            return self._rollout
        return replace(self._rollout, old=_summed(self._rollout.old))


def _summed(mine: FloatArray) -> FloatArray:
    """The arrays of all ranks as one: each has rows of its own, and zeros elsewhere."""
    total: FloatArray = np.sum(ranks.from_every_rank(mine), axis=0, dtype=np.float32)
    return total
