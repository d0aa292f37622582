"""The `istio` metadata of a cluster: which services it is of, and which rule made it what it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from envoy.config.core.v3.base_pb2 import Metadata
from google.protobuf.struct_pb2 import Struct

from miniistiod.api.istio.networking.destination_rule_pb2 import ClientTLSSettings
from miniistiod.mesh.destination_rules import MergedDestinationRule
from miniistiod.mesh.service import Service
from miniistiod.vocab.config_metadata import ISTIO, config_path

GROUP = "networking.istio.io"
VERSION = "v1"
KIND = "DestinationRule"

OWN_ALPN = (ClientTLSSettings.SIMPLE, ClientTLSSettings.MUTUAL)
"""Modes in which the ALPN is the application's, not the mesh's."""


def cluster_metadata(*parts: Mapping[str, Any]) -> Metadata | None:
    """The metadata with these parts, None when there are none."""
    fields = {key: value for part in parts for key, value in part.items()}
    if not fields:
        return None
    struct = Struct()
    struct.update(fields)
    return Metadata(filter_metadata={ISTIO: struct})


def of_services(services: Iterable[Service]) -> dict[str, Any]:
    """The services a cluster is of, each host once, described by the first that has it."""
    hosts: dict[str, dict[str, str]] = {}
    for each in services:
        described = {"host": each.hostname, "name": each.name, "namespace": each.namespace}
        hosts.setdefault(each.hostname, described)
    return {"services": list(hosts.values())}


def of_rule(rule: MergedDestinationRule | None) -> dict[str, Any]:
    """The rule that holds for the cluster."""
    if rule is None:
        return {}
    return {"config": config_path(GROUP, VERSION, KIND, rule.namespace, rule.name)}


def of_subset(subset: str) -> dict[str, Any]:
    """The subset it is of."""
    return {"subset": subset} if subset else {}


def of_alpn(rule: MergedDestinationRule | None, tls: ClientTLSSettings | None) -> dict[str, Any]:
    """Tells Istio's ALPN filter to keep its hands off."""
    return {"alpn_override": "false"} if rule is not None and tls is not None and tls.mode in OWN_ALPN else {}


def of_external(service: Service) -> dict[str, Any]:
    """Whether the service is outside of the mesh."""
    return {"external": True} if service.mesh_external else {}
