"""What a user can mend. The command line shows these as one message, without a traceback.

SweepError
├── YamlError               a file that is no YAML mapping
├── SpecError               everything wrong with a spec, at once
├── OptionsError            options that a sampler or a scheduler does not take
├── CapacityError           slots that the machine or the cluster cannot hold
├── LaunchError             Ray, tracking or the model would not start
├── TakenOverError          a sweep that another head runs by now (claim.py)
├── ConnectionLostError     a cluster that does not answer any more (remote.py)
└── StudyError              Optuna's database is lost while a sweep runs
"""

from __future__ import annotations


class SweepError(ValueError):
    """A mistake or an obstacle, with the way out."""


class YamlError(SweepError):
    """A file that is no readable YAML mapping; names the file and the line."""


class OptionsError(SweepError):
    """Options passed through to a library that does not take them; repeats its reason."""


class CapacityError(SweepError):
    """Slots that cannot be had here, with what there is."""


class LaunchError(SweepError):
    """A sweep that could not start, with the reason."""


class StudyError(SweepError):
    """A database for Optuna that went away for too long; the sweep's records are whole."""
