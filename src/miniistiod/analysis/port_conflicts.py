"""Ports of services that a proxy cannot have: two that it could not tell apart, two that differ at one
workload, and those that the proxy itself has.
"""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.analysis.message import WARNING, message
from miniistiod.analysis.world import World
from miniistiod.api.istio.networking.sidecar_pb2 import Sidecar
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.explain.vantage import vantage
from miniistiod.generate.bindings import bindings
from miniistiod.generate.listeners_outbound import scope_entries
from miniistiod.generate.outbound_entries import Dropped
from miniistiod.mesh.service import UNSPECIFIED, Port, Registry, Resolution, Service
from miniistiod.proxy.inbound import ServiceTarget, service_targets
from miniistiod.vocab.protocol import Protocol

STATUS, METRICS = 15021, 15090
"""Ports that the bootstrap of every sidecar opens."""


def analyser(world: World) -> Iterator[Diagnostic]:
    """All three."""
    yield from at_clients(world)
    yield from at_servers(world)
    yield from of_proxies(world)


def path_of(service: Service, port: Port) -> str:
    """The field of a port in its document."""
    index = next((n for n, each in enumerate(service.ports) if each.number == port.number), 0)
    return f"spec.ports[{index}]"


def at_clients(world: World) -> Iterator[Diagnostic]:
    """Ports without a chain of their own in the outbound listeners of some namespace's clients."""
    if not may_meet(world):
        return
    found: dict[Dropped, None] = {}
    for namespace in dict.fromkeys(each.namespace for each in world.workloads):
        scope = vantage("sidecar", namespace, {}, world.mesh)
        entries = scope_entries(scope, bindings(scope.proxy, scope.settings))
        found.update(dict.fromkeys(entries.dropped))
    for each in found:
        other = each.first
        why = (
            "one of them waits for the server to speak first"
            if each.server_first
            else "nothing tells them apart"
        )
        yield message(
            WARNING,
            "listener-conflict",
            each.service.origin,
            path_of(each.service, each.port),
            f"port {each.port.number} of {each.service.hostname} meets {other.kind.name} "
            f"{other.namespace}/{other.name} on one address and port ({why})",
            f"connections to {each.service.hostname} are read and routed as those of {other.name}",
            "give each service addresses or a port of its own, or use TLS (told apart by SNI)",
        )


def may_meet(world: World) -> bool:
    """Whether services meet on an address and port where one is not HTTP: quick, before the long look."""
    listeners = (listener for sidecar in world.store.of(Sidecar) for listener in sidecar.message.egress)
    if any(listener.HasField("port") for listener in listeners):
        return True
    held: dict[tuple[str, int], set[Service]] = {}
    plain: set[tuple[str, int]] = set()
    for service in world.mesh.services.all:
        headless = service.registry is Registry.KUBERNETES and service.resolution is Resolution.PASSTHROUGH
        for port in () if headless else service.ports:
            for address in (UNSPECIFIED,) if port.protocol.is_http else service.addresses:
                place = (UNSPECIFIED if "/" in address else address, port.number)
                held.setdefault(place, set()).add(service)
                if not port.protocol.is_http:
                    plain.add(place)
    return any(len(held[place]) > 1 for place in plain)


def at_servers(world: World) -> Iterator[Diagnostic]:
    """Services that lead to one port of a workload and do not say the same of it: the oldest is believed."""
    said: set[tuple[str, int]] = set()
    for workload in world.mesh.workloads.all:
        first: dict[int, ServiceTarget] = {}
        for target in service_targets(world.mesh, workload):
            winner = first.setdefault(target.target_port, target)
            key = (target.service.hostname, target.port.number)
            if reading(winner.port) == reading(target.port) or key in said:
                continue
            said.add(key)
            yield message(
                WARNING,
                "target-port-conflict",
                target.service.origin,
                path_of(target.service, target.port),
                f"port {target.target_port} of {workload.name} is {target.port.protocol.name} here and "
                f"{winner.port.protocol.name} in the older {winner.service.hostname}",
                "the workload's sidecar believes the older: the other protocol gets 400 or is cut (DPE, UC)",
                "say the same protocol in both, or lead to different targetPorts",
            )


def reading(port: Port) -> Protocol:
    """How a sidecar reads connections: HTTP of any version is one."""
    return Protocol.HTTP if port.protocol.is_http else port.protocol


def of_proxies(world: World) -> Iterator[Diagnostic]:
    """HTTP ports of services that are the proxy's own listeners, which stay."""
    config = world.mesh.settings.config
    own = {config.proxy_listen_port, config.proxy_inbound_listen_port, STATUS, METRICS}
    for service in world.mesh.services.all:
        for port in service.ports:
            if port.number in own and port.protocol.is_http:
                yield message(
                    WARNING,
                    "reserved-port",
                    service.origin,
                    path_of(service, port),
                    f"port {port.number} is a listener of every sidecar",
                    "sidecars have no listener for it: no rule applies to calls, and REGISTRY_ONLY cuts them",
                    "give the service another port",
                )
