"""Agreement of predicted rewards with the order of the given ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainables.metrics.metric import Floats


def pair_accuracy(margins: Floats) -> float:
    """The share of pairs with the better one predicted better; a tie counts half."""
    import numpy as np

    return float(((np.sign(margins) + 1) / 2).mean())


def ranking(predicted: Floats, given: Floats) -> tuple[float, float]:
    """(accuracy, margin) over all pairs of examples with different given rewards.

    Accuracy is the share of pairs with the better one predicted better; a tie counts half (for
    rewards 0 and 1, the area under the ROC curve). The margin is the mean difference of their
    predictions. 0.5 and 0 if all given rewards are equal. In O(n log n): by Kendall's tau-b, the
    pairs in agreement minus the others over the geometric mean of the pairs without a tie in either
    (Kendall 1945, Biometrika 33).
    """
    import numpy as np
    from scipy.stats import kendalltau

    worse, better = _others(given)
    pairs, apart = int(worse.sum()), int(_others(predicted)[0].sum())
    if not pairs:
        return 0.5, 0.0
    if np.isnan(predicted).any():
        return math.nan, math.nan
    margin = float(predicted @ (worse - better)) / pairs
    if not apart:
        return 0.5, margin
    agreement = float(kendalltau(predicted, given).statistic) * (apart / pairs) ** 0.5
    return (1 + agreement) / 2, margin


def _others(numbers: Floats) -> tuple[Floats, Floats]:
    """For each number, how many others are smaller, and how many larger."""
    import numpy as np

    ordered = np.sort(numbers)
    smaller, upto = (np.searchsorted(ordered, numbers, side) for side in ("left", "right"))
    return smaller.astype(np.float64), (len(numbers) - upto).astype(np.float64)
