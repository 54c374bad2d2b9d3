"""From a spec to finished runs. `from sweeps import Sweep` is the Python way in."""

from sweeps.sweep import Sweep, SweepResult

__all__ = ["Sweep", "SweepResult"]
