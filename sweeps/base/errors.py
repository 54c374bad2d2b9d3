"""Errors that a user can fix. The command line shows these as one message, without a traceback.

SweepError
├── YamlError               a file that is not a YAML mapping
├── SpecError               all mistakes in a spec, at once
├── OptionsError            options rejected by a sampler or a scheduler
├── CapacityError           slots too large for the machine or the cluster
├── LaunchError             Ray, tracking or the model would not start
├── TakenOverError          a sweep taken over by another head (claim.py)
├── ConnectionLostError     a cluster that no longer answers (remote.py)
├── HeadLostError           loss of Ray's head process while a sweep runs
└── StudyError              loss of Optuna's database while a sweep runs
"""

from __future__ import annotations


class SweepError(ValueError):
    """A mistake or an obstacle, with the way out."""


class YamlError(SweepError):
    """A file that is not a readable YAML mapping; with file and line."""


class OptionsError(SweepError):
    """Options rejected by the library they are passed to, with its reason."""


class CapacityError(SweepError):
    """Slots that do not fit, with the available resources."""


class LaunchError(SweepError):
    """A sweep that could not start, with the reason."""


class HeadLostError(SweepError):
    """Ray's head process no longer answers; the sweep's records are complete."""


class StudyError(SweepError):
    """Optuna's database was away for too long; the sweep's records are complete."""
