"""The models and data of the other checks."""

from __future__ import annotations

import argparse

from benchmarks.gpu.finding import Finding, report
from benchmarks.gpu.material import main_shape, make_models


def measure(options: argparse.Namespace) -> Finding:
    """Make them, and count parameters."""
    made, expected = make_models(options.work, options.tiny), main_shape(options.tiny).parameters
    fault = None if made == expected else f"{expected} parameters were expected"
    return Finding({"parameters": made}, fault)


if __name__ == "__main__":
    report(measure)
