"""The fields of the Gateway API that do nothing, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping

from miniistiod.config.support import Fate

DEFAULT_GATEWAYS = Fate("istiod never reads it", "name the Gateway in the parentRefs of each route")
NO_DEPLOYMENT = Fate(
    "no Deployment is made from a Gateway", "write it into the Deployment and Service of its router"
)

IGNORED: Mapping[str, Fate] = {
    "Gateway.defaultScope": DEFAULT_GATEWAYS,
    "HTTPRoute.useDefaultGateways": DEFAULT_GATEWAYS,
    "HTTPRouteRule.sessionPersistence": Fate(
        "istiod never reads it", "write a DestinationRule with consistentHash.httpCookie"
    ),
    "ListenerTLSConfig.frontendValidation": Fate(
        "istiod reads spec.tls.frontend of the Gateway", "write the validation there"
    ),
}
"""istiod does nothing with these either."""

NOT_SUPPORTED: Mapping[str, Fate] = {
    "Gateway.allowedListeners": Fate("ListenerSets are not read", "write their listeners into the Gateway"),
    "GatewayBackendTLS.clientCertificateRef": Fate(
        "BackendTLSPolicies are not read, so no backend is shown it",
        "write a DestinationRule with trafficPolicy.tls and mode MUTUAL",
    ),
    "GatewayClass.parametersRef": NO_DEPLOYMENT,
    "GatewayInfrastructure.annotations": NO_DEPLOYMENT,
    "GatewayInfrastructure.labels": NO_DEPLOYMENT,
    "GatewayInfrastructure.parametersRef": NO_DEPLOYMENT,
}
"""istiod does something with these."""
