"""What our RayCluster file uses of Kubernetes' and KubeRay's resources; any other field is refused.

Written after KubeRay's Go types (ray.io/v1). It is no substitute for its own schema.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _quantity(text: str) -> str:
    assert re.fullmatch(r"[0-9]+(\.[0-9]+)?(m|[KMGT]i?)?", text), f"{text} is no quantity"
    return text


Quantity = Annotated[str, AfterValidator(_quantity)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]


class Metadata(Strict):
    name: Name


class Requests(Strict):
    requests: dict[str, Quantity]
    limits: dict[str, Quantity] = {}


class ClaimSpec(Strict):
    accessModes: list[Literal["ReadWriteMany"]]  # noqa: N815 - Kubernetes' name
    storageClassName: str  # noqa: N815
    resources: Requests


class Claim(Strict):
    apiVersion: Literal["v1"]  # noqa: N815
    kind: Literal["PersistentVolumeClaim"]
    metadata: Metadata
    spec: ClaimSpec


class Selector(Strict):
    matchLabels: dict[str, str]  # noqa: N815


class Peer(Strict):
    podSelector: Selector  # noqa: N815


class Ingress(Strict):
    from_: list[Peer] = Field(alias="from")


class PolicySpec(Strict):
    podSelector: Selector  # noqa: N815
    policyTypes: list[Literal["Ingress", "Egress"]]  # noqa: N815
    ingress: list[Ingress]


class Policy(Strict):
    apiVersion: Literal["networking.k8s.io/v1"]  # noqa: N815
    kind: Literal["NetworkPolicy"]
    metadata: Metadata
    spec: PolicySpec


class Variable(Strict):
    name: str
    value: str


class Mount(Strict):
    name: Name
    mountPath: str  # noqa: N815


class Container(Strict):
    name: Name
    image: str
    env: list[Variable]
    resources: Requests
    volumeMounts: list[Mount]  # noqa: N815


class ClaimSource(Strict):
    claimName: Name  # noqa: N815


class Volume(Strict):
    name: Name
    persistentVolumeClaim: ClaimSource  # noqa: N815


class Toleration(Strict):
    key: str
    operator: Literal["Exists", "Equal"]


class PodSpec(Strict):
    terminationGracePeriodSeconds: int = 30  # noqa: N815
    containers: list[Container]
    volumes: list[Volume]
    nodeSelector: dict[str, str] = {}  # noqa: N815
    tolerations: list[Toleration] = []


class Template(Strict):
    spec: PodSpec


class Head(Strict):
    rayStartParams: dict[str, str]  # noqa: N815
    template: Template


class Workers(Strict):
    groupName: Name  # noqa: N815
    replicas: int
    minReplicas: int  # noqa: N815
    maxReplicas: int  # noqa: N815
    rayStartParams: dict[str, str]  # noqa: N815
    template: Template


class AuthOptions(Strict):
    mode: Literal["disabled", "token"]


class AutoscalerOptions(Strict):
    idleTimeoutSeconds: int  # noqa: N815


class ClusterSpec(Strict):
    rayVersion: str  # noqa: N815
    authOptions: AuthOptions  # noqa: N815
    enableInTreeAutoscaling: bool  # noqa: N815
    autoscalerOptions: AutoscalerOptions  # noqa: N815
    headGroupSpec: Head  # noqa: N815
    workerGroupSpecs: list[Workers]  # noqa: N815


class RayCluster(Strict):
    apiVersion: Literal["ray.io/v1"]  # noqa: N815
    kind: Literal["RayCluster"]
    metadata: Metadata
    spec: ClusterSpec
