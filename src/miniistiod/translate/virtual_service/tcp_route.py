"""The match of a TCPRoute or TLSRoute → whether it can hold for a proxy at all.

Subnets and SNI are matched by Envoy; port, gateways, labels and namespace are decided by us for each proxy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from miniistiod.api.istio.networking.virtual_service_pb2 import L4MatchAttributes, TLSMatchAttributes


def applies(
    match: L4MatchAttributes | TLSMatchAttributes,
    port: int,
    gateways: Collection[str],
    labels: Mapping[str, str],
    namespace: str,
) -> bool:
    """Whether the match can hold for a proxy with these labels that serves these gateways at this port.

    Unlike in HTTP rules, gateways and labels must both hold when both are given.
    """
    return (
        (not match.gateways or any(gateway in gateways for gateway in match.gateways))
        and all(labels.get(key) == value for key, value in match.source_labels.items())
        and match.port in (0, port)
        and match.source_namespace in ("", namespace)
    )
