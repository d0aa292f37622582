"""The endpoints of a service port → groups by locality, as the clients of one cluster see them.

Each endpoint says to Envoy how it speaks (mutual TLS or not), how well it is, and whose it is (for metrics).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping

from envoy.config.core.v3.address_pb2 import Address, Pipe, SocketAddress
from envoy.config.core.v3.base_pb2 import Metadata
from envoy.config.core.v3.health_check_pb2 import HealthStatus
from envoy.config.endpoint.v3.endpoint_components_pb2 import Endpoint as EnvoyEndpoint
from envoy.config.endpoint.v3.endpoint_components_pb2 import LbEndpoint
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.mesh.service import Endpoint, Service
from miniistiod.translate.destination_rule.locality_groups import Group, Member, locality
from miniistiod.vocab.config_metadata import ISTIO
from miniistiod.vocab.transport_socket import DISABLED, MATCH_METADATA, tls_mode

CANONICAL_NAMES = ("service.istio.io/canonical-name", "app.kubernetes.io/name", "app")
CANONICAL_REVISIONS = ("service.istio.io/canonical-revision", "app.kubernetes.io/version", "version")
NO_REVISION = "latest"

DRAINING = "istio.io/draining"
PERSISTENT_SESSION = "istio.io/persistent-session"
PERSISTENT_SESSION_HEADER = "istio.io/persistent-session-header"
"""Labels of a service whose clients stay with their endpoint, by cookie or by header."""
UNIX = "unix://"

_HEALTH = {None: HealthStatus.UNKNOWN, True: HealthStatus.HEALTHY, False: HealthStatus.UNHEALTHY}


def keeps_sessions(service: Service) -> bool:
    """Whether clients stay with an endpoint that is being emptied."""
    return bool(service.labels.get(PERSISTENT_SESSION) or service.labels.get(PERSISTENT_SESSION_HEADER))


def usable(
    service: Service, endpoints: Iterable[Endpoint], *, sends_unhealthy: bool, node: str
) -> Iterator[Endpoint]:
    """The endpoints that a client on this Kubernetes node may be sent."""
    persistent = bool(service.labels.get(PERSISTENT_SESSION))
    for endpoint in endpoints:
        near = not service.node_local or endpoint.node == node
        well = sends_unhealthy or endpoint.healthy is not False
        stays = persistent or not endpoint.label(DRAINING)
        if near and well and stays:
            yield endpoint


def groups(endpoints: Iterable[tuple[Endpoint, bool]]) -> tuple[Group, ...]:
    """The endpoints by locality, in its order. With each stands whether mutual TLS may be spoken to it."""
    by_place: dict[str, list[Member]] = {}
    for endpoint, mutual in endpoints:
        by_place.setdefault(endpoint.locality, []).append(member(endpoint, mutual))
    return tuple(
        Group(locality(place), tuple(members), sum(m.weight for m in members))
        for place, members in sorted(by_place.items())
    )


def member(endpoint: Endpoint, mutual: bool) -> Member:
    """One endpoint in its group."""
    weight = endpoint.weight or 1
    made = lb_endpoint(endpoint, mutual, weight)
    return Member(made, weight, dict(endpoint.labels), endpoint.network, endpoint.cluster)


def lb_endpoint(endpoint: Endpoint, mutual: bool, weight: int) -> LbEndpoint:
    """The endpoint as Envoy has it."""
    return LbEndpoint(
        endpoint=EnvoyEndpoint(address=address(endpoint.address, endpoint.port)),
        health_status=HealthStatus.DRAINING if endpoint.label(DRAINING) else _HEALTH[endpoint.healthy],
        load_balancing_weight=UInt32Value(value=weight),
        metadata=metadata(endpoint, endpoint.tls_mode if mutual else ""),
    )


def address(host: str, port: int) -> Address:
    """A socket, or with port 0 the path of a Unix socket."""
    if port:
        return Address(socket_address=SocketAddress(address=host, port_value=port))
    return Address(pipe=Pipe(path=host.removeprefix(UNIX)))


def metadata(endpoint: Endpoint, mode: str) -> Metadata:
    """How to speak to the endpoint, and whose it is."""
    found = {ISTIO: Struct(fields={"workload": Value(string_value=telemetry(endpoint))})}
    if mode not in ("", DISABLED):
        found[MATCH_METADATA] = tls_mode(mode)
    return Metadata(filter_metadata=found)


def telemetry(endpoint: Endpoint) -> str:
    """Whose it is: workload, namespace, canonical service, its revision, and cluster."""
    labels = dict(endpoint.labels)
    name = first(labels, CANONICAL_NAMES, endpoint.workload)
    revision = first(labels, CANONICAL_REVISIONS, NO_REVISION)
    shown = "" if revision == NO_REVISION else revision
    return ";".join((endpoint.workload, endpoint.namespace, name, shown, endpoint.cluster))


def first(labels: Mapping[str, str], names: Iterable[str], default: str) -> str:
    """The value of the first of these labels that is there."""
    return next((labels[name] for name in names if name in labels), default)


def is_address(text: str) -> bool:
    """Whether the text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
