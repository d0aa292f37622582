"""Endpoints of other networks → the gateways that lead there, with the weight of what they stand for.

Source of the rules: Istio's split-horizon EDS (pilot/pkg/xds/endpoints/ep_filters.go).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from miniistiod.generate.endpoint_groups import is_address, member
from miniistiod.generate.endpoint_view import EndpointView
from miniistiod.mesh.networks import Gateways, NetworkGateway
from miniistiod.mesh.service import Endpoint
from miniistiod.translate.destination_rule.locality_groups import Group, Member
from miniistiod.vocab.transport_socket import ISTIO, MATCH_METADATA

MAX_WEIGHT = 2**32 - 1


def across_networks(
    groups: Iterable[Group], gateways: Gateways, place: EndpointView, *, names: bool = False
) -> tuple[Group, ...]:
    """The groups as a client in its network reaches them. `names`: it can look up gateways by name in DNS.

    All weights are scaled, so that they can be divided among the gateways of any network.
    """
    known = gateways if names else tuple(g for g in gateways if is_address(g.address))
    if not known:
        return tuple(groups)
    return tuple(_reached(group, known, place, _scale(known)) for group in groups)


def _reached(group: Group, gateways: Gateways, place: EndpointView, scale: int) -> Group:
    direct: list[Member] = []
    through: Counter[NetworkGateway] = Counter()
    for each in group.members:
        weight = min(max(each.weight, 1) * scale, MAX_WEIGHT)
        on_the_way = _gateways_to(each, gateways)
        if _is_direct(each.network, place.network, bool(on_the_way)):
            direct.append(_weighted(each, weight))
            continue
        reachable = [g for g in on_the_way if _speaks(g.address, place)]
        if reachable and MATCH_METADATA in each.endpoint.metadata.filter_metadata:
            through.update(dict.fromkeys(reachable, weight // len(reachable)))
    members = (*direct, *(_gateway(g, through[g] or 1) for g in sorted(through)))
    return replace(group, members=members, weight=sum(m.weight for m in members) if members else None)


def _is_direct(network: str, own: str, has_gateways: bool) -> bool:
    """Within one network, or where nobody stands between. A client that does not know its own network goes
    through the gateways of every one that has them."""
    if not has_gateways:
        return True
    return network == own or not network


def _gateways_to(each: Member, gateways: Gateways) -> Gateways:
    """Those of the endpoint's cluster, or else of its network."""
    of_network = tuple(g for g in gateways if g.network == each.network and each.network and g.port)
    return tuple(g for g in of_network if g.cluster == each.cluster) or of_network


def _gateway(gateway: NetworkGateway, weight: int) -> Member:
    """A gateway in place of endpoints: it passes mutual TLS on by its SNI."""
    stand_in = Endpoint(
        gateway.address,
        gateway.port,
        "",
        weight=weight,
        network=gateway.network,
        cluster=gateway.cluster,
        tls_mode=ISTIO,
    )
    return member(stand_in, True)


def _weighted(each: Member, weight: int) -> Member:
    if weight == each.weight:
        return each
    endpoint = type(each.endpoint)()
    endpoint.CopyFrom(each.endpoint)
    endpoint.load_balancing_weight.value = weight
    return replace(each, endpoint=endpoint, weight=weight)


def _speaks(address: str, place: EndpointView) -> bool:
    """Whether the client has an address of this family."""
    if place.ipv4 == place.ipv6:
        return True
    return is_address(address) and (place.ipv6 if ":" in address else place.ipv4)


def _scale(gateways: Gateways) -> int:
    """The least number that every network's and cluster's count of gateways divides."""
    counts: Iterator[int] = iter(
        (*Counter(g.network for g in gateways).values(), *Counter(g[2:] for g in gateways).values())
    )
    return math.lcm(*counts)
