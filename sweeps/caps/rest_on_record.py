"""What a running sweep will still take, read from its folder."""

from __future__ import annotations

from collections.abc import Sequence

from results.records.cluster_record import ClusterRecord
from results.records.record import SweepRecord, TrialRecord
from sweeps.caps.rest import Rest, rest_of
from sweeps.home.home import SweepFolder
from sweeps.spec.settings import ConfirmSettings
from sweeps.spec.yaml_file import read_yaml


def rest_on_record(
    folder: SweepFolder,
    sweep: SweepRecord,
    trials: Sequence[TrialRecord],
    cluster: ClusterRecord | None,
) -> Rest | None:
    """The rest with the confirmation that the sweep's file asks for; None as for `rest_of`."""
    return rest_of(sweep, trials, cluster, folder.repeats(), _most_repeats(folder, sweep))


def _most_repeats(folder: SweepFolder, sweep: SweepRecord) -> int:
    asked = read_yaml(folder.spec).get("confirm") if folder.spec.exists() else None
    if asked is None:
        return 0
    confirm = ConfirmSettings.model_validate(asked)
    return min(confirm.top, sweep.budget_trials or confirm.top) * confirm.seeds
