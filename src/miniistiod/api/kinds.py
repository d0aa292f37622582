"""The one table of the kinds mini-istiod reads: their names, versions, schema and how strictly they are read.

Source: the CRDs of the Istio API, Kubernetes' own API and the Gateway API.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from google.protobuf.message import Message

from miniistiod.api.gatewayapi import gateway_pb2 as gateway_api
from miniistiod.api.istio.extensions import traffic_extension_pb2, wasm_pb2
from miniistiod.api.istio.mesh import config_pb2, network_pb2
from miniistiod.api.istio.networking import (
    destination_rule_pb2,
    envoy_filter_pb2,
    gateway_pb2,
    proxy_config_pb2,
    service_entry_pb2,
    sidecar_pb2,
    virtual_service_pb2,
    workload_entry_pb2,
    workload_group_pb2,
)
from miniistiod.api.istio.security import (
    authorization_policy_pb2,
    peer_authentication_pb2,
    request_authentication_pb2,
)
from miniistiod.api.istio.telemetry import telemetry_pb2
from miniistiod.api.kubernetes import core_pb2


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: `message` is its `spec` (body "spec") or the whole object without metadata ("object").

    `strict` kinds refuse unknown fields; the others are only partly in our schema, and pass over them.
    """

    name: str
    plural: str
    group: str
    versions: tuple[str, ...]
    message: type[Message]
    body: Literal["spec", "object"] = "spec"
    namespaced: bool = True
    strict: bool = True
    short: tuple[str, ...] = field(default=())

    @property
    def id(self) -> str:
        """The name that tells it from every other kind: with its group where two kinds share a name."""
        shared = (self.name, self.group) == ("Gateway", GATEWAY_API)
        return f"{self.name}.{self.group}" if shared else self.name

    @property
    def api_versions(self) -> tuple[str, ...]:
        """What may stand in `apiVersion`, the preferred one first."""
        return tuple(f"{self.group}/{v}" if self.group else v for v in self.versions)


NETWORKING = "networking.istio.io"
SECURITY = "security.istio.io"
GATEWAY_API = "gateway.networking.k8s.io"
THREE = ("v1", "v1beta1", "v1alpha3")


def kubernetes(
    name: str, plural: str, message: type[Message], group: str = "", *short: str, namespaced: bool = True
) -> Kind:
    """A kind of Kubernetes itself."""
    return Kind(name, plural, group, ("v1",), message, "object", namespaced, strict=False, short=short)


KINDS: tuple[Kind, ...] = (
    Kind(
        "VirtualService",
        "virtualservices",
        NETWORKING,
        THREE,
        virtual_service_pb2.VirtualService,
        short=("vs",),
    ),
    Kind(
        "DestinationRule",
        "destinationrules",
        NETWORKING,
        THREE,
        destination_rule_pb2.DestinationRule,
        short=("dr",),
    ),
    Kind("Gateway", "gateways", NETWORKING, THREE, gateway_pb2.Gateway, short=("gw",)),
    Kind("ServiceEntry", "serviceentries", NETWORKING, THREE, service_entry_pb2.ServiceEntry, short=("se",)),
    Kind(
        "WorkloadEntry", "workloadentries", NETWORKING, THREE, workload_entry_pb2.WorkloadEntry, short=("we",)
    ),
    Kind(
        "WorkloadGroup", "workloadgroups", NETWORKING, THREE, workload_group_pb2.WorkloadGroup, short=("wg",)
    ),
    Kind("Sidecar", "sidecars", NETWORKING, THREE, sidecar_pb2.Sidecar),
    Kind("EnvoyFilter", "envoyfilters", NETWORKING, ("v1alpha3",), envoy_filter_pb2.EnvoyFilter),
    Kind("ProxyConfig", "proxyconfigs", NETWORKING, ("v1beta1",), proxy_config_pb2.ProxyConfig),
    Kind(
        "PeerAuthentication",
        "peerauthentications",
        SECURITY,
        ("v1", "v1beta1"),
        peer_authentication_pb2.PeerAuthentication,
        short=("pa",),
    ),
    Kind(
        "RequestAuthentication",
        "requestauthentications",
        SECURITY,
        ("v1", "v1beta1"),
        request_authentication_pb2.RequestAuthentication,
        short=("ra",),
    ),
    Kind(
        "AuthorizationPolicy",
        "authorizationpolicies",
        SECURITY,
        ("v1", "v1beta1"),
        authorization_policy_pb2.AuthorizationPolicy,
        short=("ap",),
    ),
    Kind("Telemetry", "telemetries", "telemetry.istio.io", ("v1", "v1alpha1"), telemetry_pb2.Telemetry),
    Kind("WasmPlugin", "wasmplugins", "extensions.istio.io", ("v1alpha1",), wasm_pb2.WasmPlugin),
    Kind(
        "TrafficExtension",
        "trafficextensions",
        "extensions.istio.io",
        ("v1alpha1",),
        traffic_extension_pb2.TrafficExtension,
    ),
    Kind("MeshConfig", "meshconfigs", "install.istio.io", ("v1alpha1",), config_pb2.MeshConfig),
    Kind("MeshNetworks", "meshnetworks", "install.istio.io", ("v1alpha1",), network_pb2.MeshNetworks),
    Kind(
        "GatewayClass",
        "gatewayclasses",
        GATEWAY_API,
        ("v1", "v1beta1"),
        gateway_api.GatewayClass,
        namespaced=False,
        short=("gc",),
    ),
    Kind("Gateway", "gateways", GATEWAY_API, ("v1", "v1beta1"), gateway_api.Gateway, short=("gtw",)),
    Kind("HTTPRoute", "httproutes", GATEWAY_API, ("v1", "v1beta1"), gateway_api.HTTPRoute),
    Kind("GRPCRoute", "grpcroutes", GATEWAY_API, ("v1",), gateway_api.GRPCRoute),
    Kind("TCPRoute", "tcproutes", GATEWAY_API, ("v1", "v1alpha2"), gateway_api.TCPRoute),
    Kind("TLSRoute", "tlsroutes", GATEWAY_API, ("v1", "v1alpha3", "v1alpha2"), gateway_api.TLSRoute),
    Kind(
        "ReferenceGrant",
        "referencegrants",
        GATEWAY_API,
        ("v1", "v1beta1"),
        gateway_api.ReferenceGrant,
        short=("refgrant",),
    ),
    kubernetes("Namespace", "namespaces", core_pb2.Namespace, "", "ns", namespaced=False),
    kubernetes("Node", "nodes", core_pb2.Node, "", "no", namespaced=False),
    kubernetes("Service", "services", core_pb2.Service, "", "svc"),
    kubernetes("Pod", "pods", core_pb2.Pod, "", "po"),
    kubernetes("Deployment", "deployments", core_pb2.Deployment, "apps", "deploy"),
    kubernetes("ServiceAccount", "serviceaccounts", core_pb2.ServiceAccount, "", "sa"),
    kubernetes("Endpoints", "endpoints", core_pb2.Endpoints, "", "ep"),
    kubernetes("EndpointSlice", "endpointslices", core_pb2.EndpointSlice, "discovery.k8s.io"),
    kubernetes("Secret", "secrets", core_pb2.Secret),
    kubernetes("ConfigMap", "configmaps", core_pb2.ConfigMap, "", "cm"),
)

BY_NAME: dict[tuple[str, str], Kind] = {(kind.group, kind.name): kind for kind in KINDS}
"""(group, kind) → its row."""


def named(word: str) -> Iterator[Kind]:
    """The kinds a user may mean by this word: kind, plural, singular or short name, in any case. The group
    may follow, or version and group (gateways.networking.istio.io, gateways.v1.networking.istio.io).
    """
    low, _, place = word.lower().partition(".")
    return (
        k
        for k in KINDS
        if low in (k.name.lower(), k.plural, *k.short)
        and place in ("", k.group, *(f"{version}.{k.group}" for version in k.versions))
    )


def id_of(api_version: str, kind: str) -> str:
    """What tells the kind of a document from every other; its plain name when it is none of ours."""
    known = of_document(api_version, kind)
    return kind if known is None else known.id


def of_document(api_version: str, kind: str) -> Kind | None:
    """The kind of a document, told by its `apiVersion` and `kind`."""
    return BY_NAME.get((api_version.rpartition("/")[0], kind))
