"""ServiceEntries: TCP ports that only an address can tell apart, one port with two protocols."""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.analysis.message import INFO, WARNING, message
from miniistiod.analysis.world import World
from miniistiod.api.istio.networking.service_entry_pb2 import ServiceEntry
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object

ALLOCATING = ("ISTIO_META_DNS_AUTO_ALLOCATE", "PILOT_ENABLE_IP_AUTOALLOCATE")


def analyser(world: World) -> Iterator[Diagnostic]:
    """Both."""
    metadata = world.mesh.settings.proxy_config.proxy_metadata
    captured = metadata.get("ISTIO_META_DNS_CAPTURE") == "true"
    allocated = captured and any(metadata.get(name) == "true" for name in ALLOCATING)
    for entry in world.store.of(ServiceEntry):
        if not allocated and not entry.message.addresses:
            yield from without_address(entry)
    yield from two_protocols(world)
    yield from two_namespaces(world)


def without_address(entry: Object[ServiceEntry]) -> Iterator[Diagnostic]:
    """TCP without an address: a listener for all addresses."""
    for index, port in enumerate(entry.message.ports):
        if port.protocol.upper() in ("", "TCP"):
            yield message(
                WARNING,
                "IST0134",
                entry,
                f"spec.ports[{index}]",
                f"port {port.number} is TCP and the ServiceEntry has no addresses",
                "it takes every connection to this port, whatever its destination",
                "add addresses, or say TLS (told apart by SNI) or HTTP (by host)",
            )


def two_protocols(world: World) -> Iterator[Diagnostic]:
    """Entries for the same host and port that one client sees, with different protocols."""
    held: dict[tuple[str, int], list[tuple[Object[ServiceEntry], str]]] = {}
    for entry in world.store.of(ServiceEntry):
        for host in entry.message.hosts:
            for port in entry.message.ports:
                held.setdefault((host, port.number), []).append((entry, port.protocol.upper()))
    for (host, number), several in held.items():
        for entry, own in several:
            others = {e for e, protocol in several if protocol != own and seen_together(e, entry)}
            if others:
                names = ", ".join(sorted(f"{e.namespace}/{e.name}" for e in others))
                yield message(
                    WARNING,
                    "IST0177",
                    entry,
                    "spec.ports",
                    f"port {number} of {host} is {own} here and something else in {names}",
                    "only the oldest counts, and its protocol decides how requests are read",
                    "say the same protocol in all of them",
                )


def two_namespaces(world: World) -> Iterator[Diagnostic]:
    """Entries for one host in several namespaces: their endpoints are not added up."""
    held: dict[str, list[Object[ServiceEntry]]] = {}
    for entry in world.store.of(ServiceEntry):
        for host in entry.message.hosts:
            held.setdefault(host, []).append(entry)
    for host, several in held.items():
        for entry in several:
            others = [o for o in several if o.namespace != entry.namespace and seen_together(o, entry)]
            if others:
                names = ", ".join(f"{o.namespace}/{o.name}" for o in others)
                yield message(
                    INFO,
                    "host-in-two-namespaces",
                    entry,
                    f"spec.hosts[{list(entry.message.hosts).index(host)}]",
                    f"{host} is declared by {names} too, in another namespace",
                    "a client uses that of its own namespace, else the oldest: endpoints do not add up",
                    'keep one of them, or write exportTo: ["."] in each',
                )


def seen_together(one: Object[ServiceEntry], other: Object[ServiceEntry]) -> bool:
    """Whether there is a namespace that sees both."""
    first, second = scopes(one), scopes(other)
    return bool("*" in first | second or first & second)


def scopes(entry: Object[ServiceEntry]) -> set[str]:
    """The namespaces it is exported to."""
    return {entry.namespace if to == "." else to for to in entry.message.export_to} or {"*"}
