"""The admission rules: a typed object → what istiod's webhook would say about it, one file per kind.

An object with an error never takes effect, as if the API server had refused it.
"""

from __future__ import annotations

from miniistiod.api.kinds import GATEWAY_API
from miniistiod.config import gateway_api_support
from miniistiod.config.objects import AnyObject
from miniistiod.config.validation import (
    authorization_policy,
    destination_rule,
    envoy_filter,
    gateway,
    mesh_config,
    metadata,
    peer_authentication,
    proxy_config,
    request_authentication,
    service_entry,
    sidecar,
    telemetry,
    traffic_extension,
    virtual_service,
    wasm_plugin,
    workload_entry,
    workload_group,
)
from miniistiod.config.validation.finding import Finding, Findings, Rules
from miniistiod.config.validation.unused import unused

RULES: dict[str, Rules] = {
    "VirtualService": virtual_service.rules,
    "DestinationRule": destination_rule.rules,
    "Gateway": gateway.rules,
    "ServiceEntry": service_entry.rules,
    "WorkloadEntry": workload_entry.rules,
    "WorkloadGroup": workload_group.rules,
    "Sidecar": sidecar.rules,
    "EnvoyFilter": envoy_filter.rules,
    "ProxyConfig": proxy_config.rules,
    "PeerAuthentication": peer_authentication.rules,
    "RequestAuthentication": request_authentication.rules,
    "AuthorizationPolicy": authorization_policy.rules,
    "Telemetry": telemetry.rules,
    "WasmPlugin": wasm_plugin.rules,
    "TrafficExtension": traffic_extension.rules,
    "MeshConfig": mesh_config.rules,
    "MeshNetworks": mesh_config.network_rules,
}
"""Kind → its rules. Kinds without a row are only decoded."""

__all__ = ["RULES", "Finding", "verdicts"]


def verdicts(one: AnyObject) -> Findings:
    """Everything the webhook would say about this object."""
    rules = RULES.get(one.kind.id)
    if rules is not None:
        yield from metadata.rules(one)
        yield from rules(one)
    if one.kind.group.endswith("istio.io"):
        yield from unused(one.message)
    elif one.kind.group == GATEWAY_API:
        yield from unused(one.message, (gateway_api_support.IGNORED, gateway_api_support.NOT_SUPPORTED))
