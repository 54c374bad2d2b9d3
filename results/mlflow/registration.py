"""An exported model in MLflow's registry, as a pyfunc that loads and answers."""

from __future__ import annotations

import re
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from results.mlflow.models import MlflowModels, Version
from results.mlflow.runs import reported

_RESERVED = re.compile(r"latest|v?\d+", re.IGNORECASE)
"""Aliases that MLflow refuses, or that read like versions."""

_CODE = Path(__file__).parents[1] / "export" / "answering.py"


@dataclass(frozen=True)
class Target:
    """A model's name in the registry, and an alias for the new version."""

    name: str
    alias: str | None = None

    @classmethod
    def parse(cls, text: str) -> Target:
        """`NAME` or `NAME@alias`; ValueError on anything else."""
        name, at, alias = text.partition("@")
        if not name.strip() or (at and not alias) or "/" in text or ":" in text:
            raise ValueError(f"{text!r} is not NAME or NAME@alias, without '/' and ':'")
        if alias and _RESERVED.fullmatch(alias):
            raise ValueError(
                f"{text!r}: MLflow keeps the aliases latest, v1, v2 ... and numbers for versions; "
                f"choose another one, e.g. {name}@champion"
            )
        return cls(name, alias or None)

    @property
    def uri(self) -> str:
        """The address by which MLflow loads the version with the alias; else any latest one."""
        return f"models:/{self.name}@{self.alias}" if self.alias else f"models:/{self.name}/latest"


def register(
    uri: str,
    run_id: str,
    target: Target,
    export: Path,
    requirements: Sequence[str],
    tags: Mapping[str, str],
) -> str:
    """Store the export under the trial's run, and register it; returns the version.

    TrackingError if MLflow fails. The alias moves to the version last, once it can be loaded.
    """
    with reported(uri, f"register {target.name}"), tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / "model"
        _pack(packed, export, requirements)
        runs = MlflowModels(uri)
        place = f"registered/{uuid.uuid4().hex[:12]}"
        runs.log_folder(run_id, packed, place)
        return runs.register(run_id, place, target.name, target.alias, tags)


def champion(uri: str, target: Target) -> Version | None:
    """The version with the target's alias, None if there is none; TrackingError if MLflow fails."""
    assert target.alias is not None, "a champion has an alias"
    with reported(uri, f"look for {target.name}@{target.alias}"):
        return MlflowModels(uri).with_alias(target.name, target.alias)


def _pack(to: Path, export: Path, requirements: Sequence[str]) -> None:
    """Write MLflow's model folder around the export."""
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    mlflow.pyfunc.save_model(
        path=str(to),
        python_model=str(_CODE),
        artifacts={"model": str(export)},
        pip_requirements=list(requirements),
        signature=ModelSignature(
            inputs=Schema([ColSpec("string", "prompt")]),
            params=ParamSchema([ParamSpec("max_new_tokens", "long", 256)]),
        ),
    )
