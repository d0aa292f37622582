"""MeshNetworks → the addresses whose requests a gateway takes for internal: it keeps their headers."""

from __future__ import annotations

import ipaddress

from envoy.config.core.v3.address_pb2 import CidrRange
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from google.protobuf.wrappers_pb2 import UInt32Value

from miniistiod.api.istio.mesh.network_pb2 import MeshNetworks


def internal_addresses(networks: MeshNetworks) -> HttpConnectionManager.InternalAddressConfig | None:
    """The ranges of all networks in ascending order; None without any: Envoy trusts nobody by itself."""
    endpoints = (endpoint for network in networks.networks.values() for endpoint in network.endpoints)
    ranges = [found for endpoint in endpoints if (found := _range(endpoint.from_cidr)) is not None]
    if not ranges:
        return None
    ordered = sorted(ranges, key=lambda r: (r.version, int(r.ip), r.network.prefixlen))
    return HttpConnectionManager.InternalAddressConfig(
        cidr_ranges=[
            CidrRange(address_prefix=str(r.ip), prefix_len=UInt32Value(value=r.network.prefixlen))
            for r in ordered
        ]
    )


def _range(text: str) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface | None:
    try:
        return ipaddress.ip_interface(text)
    except ValueError:
        return None
