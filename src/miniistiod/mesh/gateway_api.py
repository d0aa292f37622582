"""The objects of the Gateway API → the Istio Gateways and VirtualServices that mean the same.

Gateways, HTTPRoutes, GatewayClasses and ReferenceGrants take effect, as in istiod without its alpha features.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from miniistiod.config.objects import Object
from miniistiod.mesh.certificate_references import certificates
from miniistiod.mesh.gateway_listeners import is_ours, istio_gateways, parents
from miniistiod.mesh.gateway_routes import virtual_services
from miniistiod.mesh.kept import kept
from miniistiod.mesh.route_attachment import Surroundings
from miniistiod.mesh.services import ServiceIndex

Objects = tuple[Object[Any], ...]
API_GATEWAY = "Gateway.gateway.networking.k8s.io"


def with_gateway_api(
    known: Mapping[str, Objects], services: ServiceIndex, domain: str
) -> Mapping[str, Objects]:
    """All objects, with the Gateways and VirtualServices that those of the Gateway API stand for."""
    if not known.get(API_GATEWAY) and not known.get("HTTPRoute"):
        return known
    made, routed = converted(
        known.get(API_GATEWAY, ()),
        known.get("GatewayClass", ()),
        known.get("HTTPRoute", ()),
        known.get("ReferenceGrant", ()),
        known.get("Namespace", ()),
        known.get("Secret", ()),
        known.get("ConfigMap", ()),
        known.get("ServiceEntry", ()),
        service_hosts(services),
        domain,
    )
    gateways, rules = known.get("Gateway", ()), known.get("VirtualService", ())
    return {
        **known,
        "Gateway": tuple(sorted((*gateways, *made), key=lambda each: each.age)),
        "VirtualService": (*rules, *routed),
    }


@kept
def service_hosts(services: ServiceIndex) -> frozenset[str]:
    """All hosts that some service has. A value: it stays equal while only other things change."""
    return frozenset(services.by_host)


@kept
def converted(
    gateways: Objects,
    classes: Objects,
    routes: Objects,
    grants: Objects,
    namespaces: Objects,
    secrets: Objects,
    config_maps: Objects,
    entries: Objects,
    hosts: frozenset[str],
    domain: str,
) -> tuple[Objects, Objects]:
    """The Gateways and the VirtualServices."""
    by_name = {each.name: each for each in classes}
    ours = tuple(each for each in gateways if is_ours(each, by_name))
    usable = certificates(secrets, config_maps, grants)
    around = _around(ours, namespaces, entries, grants, hosts, domain)
    made = tuple(g for each in ours for g in istio_gateways(each, namespaces, usable, domain))
    return made, virtual_services(routes, around)


def surroundings(known: Mapping[str, Objects], services: ServiceIndex, domain: str) -> Surroundings:
    """What routes refer to in these objects."""
    by_name = {each.name: each for each in known.get("GatewayClass", ())}
    ours = tuple(each for each in known.get(API_GATEWAY, ()) if is_ours(each, by_name))
    return _around(
        ours,
        known.get("Namespace", ()),
        known.get("ServiceEntry", ()),
        known.get("ReferenceGrant", ()),
        service_hosts(services),
        domain,
    )


def _around(
    gateways: Objects,
    namespaces: Objects,
    entries: Objects,
    grants: Objects,
    hosts: frozenset[str],
    domain: str,
) -> Surroundings:
    return Surroundings(
        parents={(each.namespace, each.name): parents(each, namespaces) for each in gateways},
        hosts=hosts,
        entries={(each.namespace, each.name): each for each in entries},
        grants=grants,
        domain=domain,
    )
