"""The whole mesh at one moment: immutable indexes, each of them the same object until something of its kind
changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from miniistiod.api.istio.extensions import traffic_extension_pb2
from miniistiod.api.istio.networking import envoy_filter_pb2, gateway_pb2
from miniistiod.api.istio.security import authorization_policy_pb2, request_authentication_pb2
from miniistiod.api.istio.telemetry import telemetry_pb2
from miniistiod.api.kubernetes import core_pb2
from miniistiod.config.objects import Object
from miniistiod.mesh.destination_rules import DestinationRuleIndex
from miniistiod.mesh.endpoints import EndpointIndex
from miniistiod.mesh.peer_authentications import PeerAuthenticationIndex
from miniistiod.mesh.policies import PolicyIndex
from miniistiod.mesh.services import ServiceIndex
from miniistiod.mesh.settings import MeshSettings
from miniistiod.mesh.sidecars import SidecarIndex
from miniistiod.mesh.virtual_services import VirtualServiceIndex
from miniistiod.mesh.workloads import WorkloadIndex
from miniistiod.translate.request_authentication.key_set import NONE_FETCHED, KeySets

NamedObjects = Mapping[tuple[str, str], Object[Any]]
"""Objects of one kind by (namespace, name)."""


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Everything that is known, for whoever asks. It says what is; a ProxyScope says what one proxy may
    see.
    """

    settings: MeshSettings
    services: ServiceIndex
    workloads: WorkloadIndex
    endpoints: EndpointIndex
    virtual_services: VirtualServiceIndex
    destination_rules: DestinationRuleIndex
    sidecars: SidecarIndex
    gateways: tuple[Object[gateway_pb2.Gateway], ...]
    peer_authentications: PeerAuthenticationIndex
    request_authentications: PolicyIndex[request_authentication_pb2.RequestAuthentication]
    authorization_policies: PolicyIndex[authorization_policy_pb2.AuthorizationPolicy]
    telemetries: PolicyIndex[telemetry_pb2.Telemetry]
    extensions: PolicyIndex[traffic_extension_pb2.TrafficExtension]
    envoy_filters: PolicyIndex[envoy_filter_pb2.EnvoyFilter]
    secrets: NamedObjects
    config_maps: NamedObjects
    namespaces: Mapping[str, Object[core_pb2.Namespace]]
    key_sets: KeySets = NONE_FETCHED
