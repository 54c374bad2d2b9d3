"""Whether the precision of trials is slow on their hardware."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping

from sweeps.cluster.ray_nodes import Nodes, on_node
from sweeps.preflight.finding import Finding, note, ok
from sweeps.spec.spec import SweepSpec
from trainables.config.trial import TrialConfig

_PATIENCE = 120.0
"""Seconds for all answers: a process starts on each node, and imports torch."""

_ASK = """
import json, socket, sys
import torch
from trainables.training.slow_precision import remarks
fields, gpus = json.loads(sys.argv[1])
gpu = gpus and torch.cuda.is_available()
print(json.dumps(remarks(fields, f"the CPU of {socket.gethostname()}", gpu)))
"""

_Fields = list[tuple[str, str]]
"""Names of fields with their half precision."""


def fields_of(spec: SweepSpec | None) -> _Fields:
    """The precision fields of trials; without a spec, the defaults."""
    from trainables.training.slow_precision import asked

    if spec is None:
        return [("precision", TrialConfig.model_fields["precision"].default)]
    searched = spec.space.get("precision")
    values = [value for domain in searched.domains for value in domain.grid()] if searched else []
    trials = [spec.trial.with_params({"precision": value}) for value in values] or [spec.trial]
    return list(dict.fromkeys(field for trial in trials for field in asked(trial)))


def check_precision(spec: SweepSpec | None) -> Iterator[Finding]:
    """Findings about this machine; empty for fp32."""
    import torch

    from trainables.training.slow_precision import remarks

    gpu = torch.cuda.is_available() and (spec is None or spec.slots.gpus != 0)
    yield from _findings(fields := fields_of(spec), remarks(fields, "this CPU", gpu), "precision")


def check_precision_of(nodes: Nodes, spec: SweepSpec) -> list[Finding]:
    """Findings about the nodes of a cluster that could hold a slot."""
    import ray

    fields = fields_of(spec)
    if not fields:
        return []
    answers = [on_node(node, ask).remote(fields, spec.slots.gpus != 0) for node in nodes]
    answered, _ = ray.wait(answers, num_returns=len(answers), timeout=_PATIENCE)
    said: list[str] = []
    silent = len(nodes) - len(answered)
    for answer in answered:
        try:
            remarks = ray.get(answer)
        except ray.exceptions.RayError:
            remarks = None  # the check of the nodes reports why
        said += remarks or []
        silent += remarks is None
    findings = list(_findings(fields, said, "ray precision"))
    return findings if said or not silent else []


def ask(fields: _Fields, gpus: bool) -> list[str] | None:
    """Runs on the node, in a new process; None if the check fails there.

    Ray hides GPUs from a task that requests none.
    """
    environment: Mapping[str, str] = {
        key: value for key, value in os.environ.items() if key != "CUDA_VISIBLE_DEVICES"
    }
    done = subprocess.run(
        [sys.executable, "-c", _ASK, json.dumps([fields, gpus])],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        return None
    remarks: list[str] = json.loads(done.stdout.splitlines()[-1])
    return remarks


def _findings(fields: _Fields, said: list[str], check: str) -> Iterator[Finding]:
    for remark in dict.fromkeys(said):
        message, _, remedy = remark.partition("; ")
        yield note(check, message, remedy)
    if fields and not said:
        asked = ", ".join(f"{name} {precision}" for name, precision in fields)
        yield ok(check, f"{asked}: not slow on this hardware")
