"""Kubernetes documents → a lab: which workloads run, with which programs, and what is published on localhost.

The documents are the one description of a lab; network namespaces (here) and docker-compose are back ends
of it. Only what a lab needs of a Deployment, Pod, Service or Namespace is read; istiod's part of them is
read by `config`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Document = Mapping[str, Any]
Proxy = Literal["none", "sidecar", "router"]

INJECT = "sidecar.istio.io/inject"
TEMPLATES = "inject.istio.io/templates"
HOSTNAMES = "lab.mini-istiod.io/hostnames"
"""Annotation: names of the outside world that a workload plays, separated by commas. Of a Service: names that
lead to its address, `*.example.com` among them, as the DNS of a domain leads to a load balancer."""
REVISION = "istio.io/rev"


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A port that a container says it listens on."""

    number: int
    name: str = ""
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class Container:
    """One program of a workload."""

    name: str
    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[ContainerPort, ...] = ()


@dataclass(frozen=True, slots=True)
class Workload:
    """One Pod to run: what Kubernetes would make of a Deployment's template."""

    name: str
    namespace: str
    owner: str
    service_account: str
    proxy: Proxy
    containers: tuple[Container, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    revision: str = ""
    """Which control plane its proxy asks; "" is the default one."""

    @property
    def key(self) -> str:
        """name.namespace: unique in a lab."""
        return f"{self.name}.{self.namespace}"

    @property
    def ports(self) -> tuple[ContainerPort, ...]:
        """The ports of all containers."""
        return tuple(port for container in self.containers for port in container.ports)

    @property
    def ports_json(self) -> str:
        """The ports as Istio's Node metadata has them; "" when there are none."""
        ports = [{"name": p.name, "containerPort": p.number, "protocol": p.protocol} for p in self.ports]
        return json.dumps(ports) if ports else ""

    @property
    def hostnames(self) -> tuple[str, ...]:
        """Names of the outside world that lead to this workload."""
        return hostnames(self.annotations)


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a Service. `target` is a number, or the name of a container's port."""

    number: int
    target: str
    name: str = ""
    node_port: int = 0

    def target_number(self, workload: Workload) -> int:
        """The port this workload listens on for it; 0 when it has none of that name."""
        if self.target.isdigit():
            return int(self.target)
        return next((p.number for p in workload.ports if p.name == self.target), 0)


@dataclass(frozen=True, slots=True)
class Service:
    """What the lab's own network does with a Service: its name, its address and whom it leads to."""

    name: str
    namespace: str
    address: str
    selector: Mapping[str, str]
    ports: tuple[ServicePort, ...]
    balanced: bool = False
    external_name: str = ""
    hostnames: tuple[str, ...] = ()

    def selects(self, workload: Workload) -> bool:
        """Whether the workload stands behind this service."""
        return (
            bool(self.selector)
            and self.namespace == workload.namespace
            and self.selector.items() <= workload.labels.items()
        )


@dataclass(frozen=True, slots=True)
class Lab:
    """All that runs."""

    workloads: tuple[Workload, ...]
    services: tuple[Service, ...]

    def behind(self, service: Service) -> tuple[Workload, ...]:
        """The workloads of a service."""
        return tuple(w for w in self.workloads if service.selects(w))


def lab_of(documents: Iterable[Document]) -> Lab:
    """The lab that these documents describe, in their order."""
    documents = list(documents)
    injected = {
        d["metadata"]["name"]: strings(d["metadata"].get("labels")).get(REVISION, "")
        for d in documents
        if d["kind"] == "Namespace" and namespace_injects(d["metadata"])
    }
    return Lab(
        workloads=tuple(w for d in documents for w in workloads_of(d, injected)),
        services=tuple(service_of(d) for d in documents if d["kind"] == "Service"),
    )


def namespace_injects(metadata: Document) -> bool:
    """Whether the workloads of a namespace get a sidecar unless they say no."""
    labels = metadata.get("labels") or {}
    return labels.get("istio-injection") == "enabled" or bool(labels.get(REVISION))


def workloads_of(document: Document, injected: Mapping[str, str]) -> Iterator[Workload]:
    """The workloads of a Deployment, StatefulSet or bare Pod; none for another kind.

    A Pod that has an address already runs elsewhere.
    """
    kind, spec = document["kind"], document.get("spec") or {}
    if kind in ("Deployment", "StatefulSet"):
        replicas = spec.get("replicas", 1)
        for number in range(replicas):
            suffix = f"-{number}" if replicas > 1 or kind == "StatefulSet" else ""
            yield workload(document["metadata"], suffix, spec["template"], injected)
    elif kind == "Pod" and not (document.get("status") or {}).get("podIP"):
        yield workload(document["metadata"], "", document, injected)


def workload(owner: Document, suffix: str, template: Document, injected: Mapping[str, str]) -> Workload:
    """One workload made from a Pod template. `injected`: namespace with sidecars → its revision."""
    metadata, spec = template.get("metadata") or {}, template["spec"]
    namespace = owner.get("namespace", "default")
    return Workload(
        name=owner["name"] + suffix,
        namespace=namespace,
        owner=owner["name"],
        service_account=spec.get("serviceAccountName", "default"),
        proxy=proxy_of(metadata, namespace in injected),
        containers=tuple(container(c) for c in spec.get("containers", ())),
        labels=strings(metadata.get("labels")),
        annotations=strings(metadata.get("annotations")),
        revision=strings(metadata.get("labels")).get(REVISION, injected.get(namespace, "")),
    )


def proxy_of(metadata: Document, injected: bool) -> Proxy:
    """Istio's injection rule: the gateway template makes a router; a Pod's label beats its namespace's."""
    labels, annotations = strings(metadata.get("labels")), strings(metadata.get("annotations"))
    if "gateway" in annotations.get(TEMPLATES, "").split(","):
        return "router"
    wish = labels.get(INJECT, annotations.get(INJECT, ""))
    return "sidecar" if wish == "true" or (injected and wish != "false") else "none"


def container(spec: Document) -> Container:
    """One container of a Pod."""
    return Container(
        name=spec["name"],
        image=spec.get("image", ""),
        command=tuple(map(str, spec.get("command") or ())),
        args=tuple(map(str, spec.get("args") or ())),
        env={e["name"]: str(e.get("value", "")) for e in spec.get("env") or ()},
        ports=tuple(
            ContainerPort(p["containerPort"], p.get("name", ""), p.get("protocol", "TCP"))
            for p in spec.get("ports") or ()
        ),
    )


def service_of(document: Document) -> Service:
    """One Service."""
    metadata, spec = document["metadata"], document.get("spec") or {}
    return Service(
        name=metadata["name"],
        namespace=metadata.get("namespace", "default"),
        address=spec.get("clusterIP", ""),
        selector=strings(spec.get("selector")),
        balanced=spec.get("type") == "LoadBalancer",
        external_name=spec.get("externalName", ""),
        hostnames=hostnames(strings(metadata.get("annotations"))),
        ports=tuple(
            ServicePort(
                p["port"], str(p.get("targetPort", p["port"])), p.get("name", ""), p.get("nodePort", 0)
            )
            for p in spec.get("ports") or ()
        ),
    )


def hostnames(annotations: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the outside world in the annotation."""
    return tuple(name.strip() for name in annotations.get(HOSTNAMES, "").split(",") if name.strip())


def strings(mapping: Mapping[str, Any] | None) -> dict[str, str]:
    """A map of labels or annotations, with every value as text."""
    return {key: str(value) for key, value in (mapping or {}).items()}
