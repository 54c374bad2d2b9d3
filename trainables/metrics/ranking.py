"""Agreement of predicted rewards with the order of the given ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainables.metrics.metric import Floats

_ROWS = 1024


def pair_accuracy(margins: Floats) -> float:
    """The share of pairs with the better one predicted better; a tie counts half."""
    import numpy as np

    return float(((np.sign(margins) + 1) / 2).mean())


def ranking(predicted: Floats, given: Floats) -> tuple[float, float]:
    """(accuracy, margin) over all pairs of examples with different given rewards.

    Accuracy is the share of pairs with the better one predicted better; a tie counts half (for
    rewards 0 and 1, the area under the ROC curve). The margin is the mean difference of their
    predictions. 0.5 and 0 if all given rewards are equal.
    """
    import numpy as np

    right = difference = pairs = 0.0
    for at in range(0, len(given), _ROWS):
        better = given[at : at + _ROWS, None] > given[None, :]
        apart = predicted[at : at + _ROWS, None] - predicted[None, :]
        right += float(((np.sign(apart) + 1) / 2)[better].sum())
        difference += float(apart[better].sum())
        pairs += float(better.sum())
    return (right / pairs, difference / pairs) if pairs else (0.5, 0.0)
