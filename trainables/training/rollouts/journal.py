"""What a trial's rollouts and the steps on them were like, since the last evaluation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Journal:
    """Sums over rollouts (`written`) and over the tokens of passes (`passes`; of the present
    rollout `present`). `tokens` are all that were trained on, prompts included."""

    tokens: int = 0
    written: Counter[str] = field(default_factory=Counter)
    passes: Counter[str] = field(default_factory=Counter)
    present: Counter[str] = field(default_factory=Counter)

    def wrote(self, parts: Mapping[str, float]) -> None:
        """Add the sums of a new rollout."""
        self.written.update(parts)
        self.present = Counter()

    def passed(self, sums: Mapping[str, float]) -> None:
        """Add the sums of passes."""
        self.passes.update(sums)
        self.present.update(sums)

    def present_mean(self, name: str, over: str) -> float:
        """A mean per token of the present rollout."""
        return self.present[name] / max(1.0, self.present[over])

    def taken(self) -> dict[str, float]:
        """The means since it was last called, as metrics."""
        found: dict[str, float] = {}
        passes, written = self.passes, self.written
        valued = ("value_loss",) if "explained_variance" in written else ()
        for name in ("entropy", "clipped", *valued):
            if passes["tokens"]:
                found[f"train_{name}"] = passes[name] / passes["tokens"]
        for name in ("gap", "kl"):
            if passes["fresh_tokens"]:
                found[f"train_{name}"] = passes[name] / passes["fresh_tokens"]
        if written["answers"]:
            found["train_equal_groups"] = written.pop("equal_groups") / written.pop("groups")
            found["train_rollout_seconds"] = written.pop("rollout_seconds")
            count = written.pop("answers")
            found |= {f"train_{name}": value / count for name, value in written.items()}
        self.written, self.passes = Counter(), Counter()
        return found

    @classmethod
    def of(cls, state: Mapping[str, object]) -> Journal:
        """From a checkpoint."""
        sums = {name: value for name, value in state.items() if isinstance(value, dict)}
        tokens = state["tokens"]
        assert isinstance(tokens, int)
        return cls(tokens, **{name: Counter(value) for name, value in sums.items()})
