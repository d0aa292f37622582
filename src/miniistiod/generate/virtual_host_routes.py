"""A VirtualService, or a service without one → its serialised routes, as one kind of client gets them.

Everything a route depends on is an argument, so routes are made once for all clients and pushes alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from envoy.config.core.v3.base_pb2 import Metadata
from envoy.config.route.v3 import route_components_pb2 as envoy

from miniistiod.api.istio.networking.virtual_service_pb2 import (
    Destination,
    HTTPMatchRequest,
    HTTPRetry,
    HTTPRoute,
    HTTPRouteDestination,
)
from miniistiod.generate.route_domains import joined
from miniistiod.mesh.consistent_hash import destination_hash, service_hash
from miniistiod.mesh.destination_rules import MergedDestinationRule
from miniistiod.mesh.kept import kept
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.virtual_services import MergedVirtualService
from miniistiod.translate.destination_rule.route_hash_policy import route_hash_policy
from miniistiod.translate.virtual_service.destination import destination_cluster
from miniistiod.translate.virtual_service.http_route import http_route
from miniistiod.translate.virtual_service.match import ANY_PATH, applies, is_catch_all
from miniistiod.translate.virtual_service.place import ConsistentHash, Place
from miniistiod.translate.virtual_service.route_action import default_route_action
from miniistiod.vocab import cluster_name
from miniistiod.vocab.config_metadata import config_metadata

Labels = frozenset[tuple[str, str]]


class Target(NamedTuple):
    """What is known of a destination host: its only port (0: several) and the host it is another name of."""

    host: str
    only_port: int
    alias_of: str = ""


class HashRule(NamedTuple):
    """The DestinationRule of a destination host; only those that hash."""

    host: str
    rule: MergedDestinationRule


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, and where: `port` is the listener's, `gateways` those it serves (or MESH), `labels` the ones
    of its workload that the rules ask for."""

    port: int
    namespace: str
    gateways: frozenset[str]
    labels: Labels = frozenset()
    forwarded_host: bool = False
    tls: bool = False
    targets: tuple[Target, ...] = ()
    hashes: tuple[HashRule, ...] = ()


class SerialisedRoute(NamedTuple):
    """One Route; `catch_all` when no request can pass it by."""

    body: bytes
    catch_all: bool


Routes = tuple[SerialisedRoute, ...]


@kept
def rule_routes(rules: MergedVirtualService, client: Client, settings: MeshSettings) -> Routes:
    """The routes of the rules that can apply to this client, up to the first that takes all requests."""
    place = _place(rules, client, settings)
    routes: list[SerialisedRoute] = []
    for rule in rules.message.http:
        for match in rule.match or (None,):
            if match is not None and not _applies(match, client):
                continue
            route = http_route(rule, match, place)
            catch_all = is_catch_all(route.match)
            routes.append(SerialisedRoute(route.SerializeToString(deterministic=True), catch_all))
            if catch_all and match is not None:
                return tuple(routes)
        if not rule.match:
            break
    return tuple(routes)


def _applies(match: HTTPMatchRequest, client: Client) -> bool:
    return applies(match, client.port, client.gateways, dict(client.labels), client.namespace)


@kept
def service_routes(
    host: str, port: int, rule: MergedDestinationRule | None, settings: MeshSettings
) -> Routes:
    """The one route of a service port that no VirtualService speaks of."""
    action = default_route_action(cluster_name.outbound(host, port), default_retries(settings))
    consistent = service_hash(rule, port) if rule is not None else None
    policy = route_hash_policy(consistent) if consistent is not None else None
    if policy is not None:
        action.hash_policy.append(policy)
    operation = envoy.Decorator(operation=f"{joined(host, port)}/*")
    route = envoy.Route(name="default", match=ANY_PATH, route=action, decorator=operation)
    return (SerialisedRoute(route.SerializeToString(deterministic=True), True),)


@kept
def asked_labels(rules: MergedVirtualService) -> frozenset[str]:
    """The names of the client labels that its matches ask for."""
    return frozenset(
        label for http in rules.message.http for match in http.match for label in match.source_labels
    )


@kept
def destination_hosts(rules: MergedVirtualService) -> tuple[str, ...]:
    """All hosts its HTTP rules send requests to, copies included."""
    return tuple(
        dict.fromkeys(destination.host for http in rules.message.http for destination in _destinations(http))
    )


def _destinations(http: HTTPRoute) -> Iterator[Destination]:
    yield from (weighted.destination for weighted in http.route)
    yield from (mirror.destination for mirror in http.mirrors)
    if http.HasField("mirror"):
        yield http.mirror


def default_retries(settings: MeshSettings) -> HTTPRetry | None:
    """The mesh's policy for routes that have none."""
    config = settings.config
    return config.default_http_retry_policy if config.HasField("default_http_retry_policy") else None


def _place(rules: MergedVirtualService, client: Client, settings: MeshSettings) -> Place:
    targets = {target.host: target for target in client.targets}
    hashes = dict(client.hashes)
    return Place(
        name=rules.name,
        port=client.port,
        cluster=lambda destination: _cluster(destination, targets, client.port),
        hash_of=lambda destination: _hash(destination, hashes),
        metadata=_metadata(rules),
        tls=client.tls,
        default_retries=default_retries(settings),
        forwarded_host=client.forwarded_host,
        gateway_api=rules.gateway_api,
    )


def _cluster(destination: Destination, targets: Mapping[str, Target], port: int) -> str:
    target = targets.get(destination.host, Target(destination.host, 0))
    return destination_cluster(destination, port, target.only_port, target.alias_of)


def _hash(
    destination: HTTPRouteDestination, hashes: Mapping[str, MergedDestinationRule]
) -> ConsistentHash | None:
    rule = hashes.get(destination.destination.host)
    return destination_hash(rule, destination.destination) if rule is not None else None


def _metadata(rules: MergedVirtualService) -> Metadata:
    kind = rules.origin.kind
    return config_metadata(kind.group, kind.versions[0], kind.name, rules.namespace, rules.name)
