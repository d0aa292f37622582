"""PeerAuthentication: modes of single ports need a selector.

Source: ValidatePeerAuthentication in istio's pkg/config/validation.
"""

from __future__ import annotations

from miniistiod.api.istio.security.peer_authentication_pb2 import PeerAuthentication
from miniistiod.config.objects import Object
from miniistiod.config.validation import values
from miniistiod.config.validation.finding import Findings, at, error
from miniistiod.config.validation.selector import workload_selector


def rules(one: Object[PeerAuthentication]) -> Findings:
    """Everything the webhook says about a PeerAuthentication."""
    policy = one.message
    if policy.port_level_mtls and not policy.selector.match_labels:
        message = "portLevelMtls without a selector: ports are those of workloads, not of a namespace"
        yield from error(("portLevelMtls",), message, "add selector: {matchLabels: ...}")
    for port in sorted(policy.port_level_mtls):
        yield from at(("portLevelMtls", str(port)), values.port(port))
    if policy.HasField("selector"):
        yield from workload_selector(policy.selector, ("selector",))
