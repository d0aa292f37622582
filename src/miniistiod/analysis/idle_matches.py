"""Matches of VirtualServices that nothing meets: a gateway that is not named, labels or a port of nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from miniistiod.analysis.message import WARNING, message
from miniistiod.analysis.selections import labels_text
from miniistiod.analysis.world import World
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.mesh.virtual_services import MESH, MergedVirtualService

REMEDY = "correct the match, or take it out"


def analyser(world: World) -> Iterator[Diagnostic]:
    """Each such match; those of delegates are narrowed by their roots and are left out."""
    ports = known_ports(world)
    for rule in world.mesh.virtual_services.rules:
        if rule.gateway_api or len(rule.sources) > 1:
            continue
        for protocol in ("http", "tls", "tcp"):
            for index, route in enumerate(getattr(rule.message, protocol)):
                for number, match in enumerate(route.match):
                    cause = idle(match, rule, ports, world)
                    if cause:
                        symptom = "it never matches: requests take another rule, or get 404 (NR)"
                        path = f"spec.{protocol}[{index}].match[{number}]"
                        yield message(WARNING, "idle-match", rule.origin, path, cause, symptom, REMEDY)


def known_ports(world: World) -> frozenset[int]:
    """Every port that a service or a Gateway's server has."""
    services = (port.number for service in world.mesh.services.all for port in service.ports)
    servers = (server.port.number for g in world.mesh.gateways for server in g.message.servers)
    return frozenset((*services, *servers))


def idle(match: Any, rule: MergedVirtualService, ports: frozenset[int], world: World) -> str:
    """Why nothing meets a match; "" when something may."""
    strangers = [name for name in match.gateways if name not in rule.gateways]
    if match.gateways and len(strangers) == len(match.gateways):
        return (
            f"{', '.join(strangers)} is not among the VirtualService's gateways ({', '.join(rule.gateways)})"
        )
    if match.port and match.port not in ports:
        return f"no service and no Gateway has port {match.port}"
    for_sidecars = MESH in (match.gateways or rule.gateways)
    if not for_sidecars or not (match.source_labels or match.source_namespace):
        return ""
    if world.selected(match.source_namespace or None, match.source_labels):
        return ""
    labels = f" with {labels_text(match.source_labels)}" if match.source_labels else ""
    where = f"namespace {match.source_namespace}" if match.source_namespace else "the mesh"
    return f"there is no workload{labels} in {where}"
