"""The pass before trial 1 of a sweep that is ready to start: over this machine, then over nodes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from results.records.record import Edit
from sweeps.base.quiet import quiet
from sweeps.base.view import View
from sweeps.cluster.ray_session import room_here
from sweeps.planning.combinations import distinct
from sweeps.preflight.disk import check_disk_for, copies
from sweeps.preflight.finding import Finding
from sweeps.preflight.machines import check_here, check_nodes, settle
from sweeps.preflight.needs import needs_of
from sweeps.spec.capacity import plan_slots
from sweeps.spec.spec import SweepSpec
from trainables.core.errors import ModelError
from trainables.training.inputs import Prepared

if TYPE_CHECKING:
    from sweeps.planning.plan import Plan
    from trainables.planning.disk import DiskNeed

_EACH = 8
"""Combinations whose checkpoints are computed one by one; of more, one of each method."""


class Preflight:
    """What a sweep needs of machines: `plan` and `edits` as far as its memory was planned, and
    `repeats` trials with fresh seeds. Without model and data it needs nothing."""

    def __init__(
        self,
        spec: SweepSpec,
        prepared: Prepared | None,
        plan: Plan | None,
        edits: Sequence[Edit],
        repeats: int,
    ) -> None:
        self._spec, self._prepared, self._plan, self._repeats = spec, prepared, plan, repeats
        model = prepared.inputs.model if prepared else None
        carried = model is not None and model.folder is not None and spec.storage.uri is not None
        self._needs = needs_of(spec, None if carried else model, plan, edits)

    def refuse_here(self, home: Path, view: View, address: str | None) -> None:
        """LaunchError if this machine lacks what the sweep needs of it; doubts are said."""
        settle(self.findings_here(home, address), view)

    def findings_here(self, home: Path, address: str | None) -> list[Finding]:
        """All findings about this machine, as far as model and data are prepared."""
        if self._prepared is None:
            return []
        here = room_here(address)
        alone = replace(self._needs, model=None)  # it has been prepared here
        findings = check_here(alone, here["GPU"]) if here is not None else []
        if self._spec.storage.uri is None:
            findings += self._disk(self._prepared, home, here)
        return findings

    def refuse_nodes(self, view: View) -> None:
        """LaunchError if a node lacks what the sweep needs; doubts are said. Ray is connected."""
        if self._prepared is not None:
            settle(check_nodes(self._needs, self._spec.slots.prices), view)

    def _disk(
        self, prepared: Prepared, home: Path, here: dict[str, float] | None
    ) -> Iterator[Finding]:
        def planned() -> DiskNeed | None:
            try:
                with quiet():  # transformers warns of its own functions
                    return self._largest(prepared)
            except ModelError:
                return None  # its shapes are not known without its weights

        found = copies(self._slots(here), self._spec, self._repeats)
        there = next(folder for folder in (home, *home.parents) if folder.exists())
        free = shutil.disk_usage(there).free
        yield from check_disk_for(found, free, home, prepared.inputs.model, planned)

    def _slots(self, here: dict[str, float] | None) -> int:
        """The number of slots as far as it is known before Ray starts."""
        settings = self._spec.slots
        if here is not None:
            return plan_slots(settings, [here], self._spec.trials)[0]
        return settings.max or (1 if settings.count == "auto" else settings.count)

    def _largest(self, prepared: Prepared) -> DiskNeed:
        from trainables.planning.disk import disk_need
        from trainables.planning.planner import Planner

        workers = self._spec.slots.workers
        if self._plan is not None:
            estimates = [line.estimate for line in self._plan.lines]
        else:
            planner = Planner(prepared.inputs)
            configs = [each.config for each in distinct(self._spec, workers)]
            if len(configs) > _EACH:
                configs = list({config.method: config for config in configs}.values())
            estimates = [planner.estimate(config, workers) for config in configs]
        needs = (disk_need(estimate, workers) for estimate in estimates)
        return max(needs, key=lambda need: need.checkpoint)
