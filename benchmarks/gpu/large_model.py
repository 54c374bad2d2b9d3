"""The model of eight billion parameters."""

from __future__ import annotations

import argparse

from benchmarks.gpu.finding import Finding, report
from benchmarks.gpu.material import large_shape, make_large_model


def measure(options: argparse.Namespace) -> Finding:
    """Make it, and count its parameters."""
    made = make_large_model(options.work, options.tiny)
    expected = large_shape(options.tiny).parameters
    fault = None if made == expected else f"{expected} parameters were expected"
    return Finding({"parameters": made}, fault)


if __name__ == "__main__":
    report(measure)
