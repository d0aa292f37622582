"""Deployments behind several Services that do not agree on a port."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from miniistiod.analysis.message import WARNING, message
from miniistiod.analysis.world import World
from miniistiod.api.kubernetes import core_pb2
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object

Deployment = Object[core_pb2.Deployment]
Service = Object[core_pb2.Service]
Names = Mapping[str, list[str]]
INJECT = "sidecar.istio.io/inject"
MANAGED = "gateway.istio.io/managed"
WAYPOINT = "istio.io-mesh-controller"


def analyser(world: World) -> Iterator[Diagnostic]:
    """Those with a sidecar; waypoints are Istio's own."""
    enabled = {n.name for n in world.of("Namespace") if n.labels.get("istio-injection") == "enabled"}
    for each in world.store.of(core_pb2.Deployment):
        if each.labels.get(MANAGED) != WAYPOINT and in_mesh(each, enabled):
            services = selecting(each, world)
            yield from transports(each, services)
            yield from shared_targets(each, services)


def in_mesh(one: Deployment, enabled: set[str]) -> bool:
    """Whether its Pods get a sidecar: they have one, they say so, or their namespace does."""
    template = one.message.spec.template
    if any(each.name == "istio-proxy" and each.image for each in template.spec.containers):
        return True
    for said in (template.metadata.labels, template.metadata.annotations):
        if INJECT in said:
            return bool(said[INJECT] == "true")
    return one.namespace in enabled


def selecting(one: Deployment, world: World) -> list[Service]:
    """The Services that send to it."""
    labels = one.message.spec.template.metadata.labels
    return [
        each
        for each in world.store.of(core_pb2.Service)
        if each.namespace == one.namespace
        and each.message.spec.selector
        and all(labels.get(k) == v for k, v in each.message.spec.selector.items())
    ]


def transports(one: Deployment, services: list[Service]) -> Iterator[Diagnostic]:
    """One port that is TCP for one Service and UDP for another."""
    found: dict[int, dict[str, list[str]]] = {}
    for each in services:
        for port in each.message.spec.ports:
            found.setdefault(port.port, {}).setdefault(port.protocol or "TCP", []).append(each.name)
    for number, by_transport in found.items():
        if len(by_transport) > 1:
            yield message(
                WARNING,
                "IST0116",
                one,
                "metadata.name",
                f"its Services have port {number} with different transports: {told(by_transport)}",
                "Envoy listens for one of them only; packets of the other get lost",
                "give each transport a port of its own",
            )


def shared_targets(one: Deployment, services: list[Service]) -> Iterator[Diagnostic]:
    """One targetPort behind different ports."""
    found: dict[str, dict[str, list[str]]] = {}
    for each in services:
        for port in each.message.spec.ports:
            found.setdefault(target(port), {}).setdefault(str(port.port), []).append(each.name)
    for name, by_port in found.items():
        if len(by_port) > 1:
            yield message(
                WARNING,
                "IST0137",
                one,
                "metadata.name",
                f"targetPort {name} of this Deployment stands behind different ports: {told(by_port)}",
                "the sidecar reads the requests as the oldest Service says; statistics name only that one",
                "give each port a targetPort of its own, or keep one of the ports",
            )


def target(port: core_pb2.ServicePort) -> str:
    """The targetPort as it is written; without one the port itself."""
    return port.target_port.name or str(port.target_port.number or port.port)


def told(found: Names) -> str:
    """80 (a, b), 81 (c)"""
    return ", ".join(f"{what} ({', '.join(sorted(names))})" for what, names in sorted(found.items()))
