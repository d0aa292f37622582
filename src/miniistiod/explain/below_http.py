"""A gateway's TCP and TLS servers and a connection → which rule takes it, and why the others do not.

The host of a request is the name that TLS asks for (SNI). What passes through is not opened, so its path and
headers decide nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.api.istio.networking.gateway_pb2 import ServerTLSSettings
from miniistiod.api.istio.networking.virtual_service_pb2 import (
    L4MatchAttributes,
    RouteDestination,
    TLSMatchAttributes,
)
from miniistiod.explain.judgement import Explanation, Judged, shares
from miniistiod.explain.request import Request
from miniistiod.generate.routes_gateway import bound
from miniistiod.mesh.hosts import subset_of
from miniistiod.mesh.virtual_services import MergedVirtualService
from miniistiod.proxy.gateway_servers import GatewayServer
from miniistiod.proxy.scope import ProxyScope

CLOSED = "the connection is closed"
Offer = tuple[Judged, list[RouteDestination]]


def below_http(scope: ProxyScope, servers: list[GatewayServer], request: Request) -> Explanation:
    """What becomes of a connection to these servers of a gateway."""
    passed: list[Judged] = []
    host = request.host.lower()
    for server in servers:
        if server.spec.HasField("tls") and not any(subset_of(host, name) for name in server.sni_hosts):
            said = f"its hosts are {', '.join(server.sni_hosts)}"
            passed.append(Judged(server.gateway, "spec.servers", (said,)))
            continue
        if server.spec.tls.mode == ServerTLSSettings.AUTO_PASSTHROUGH:
            taken = Judged(server.gateway, "spec.servers", ())
            return Explanation("TLS passes through to the service that its SNI names", taken, tuple(passed))
        for rules, _ in bound(server, scope.gateway):
            for judged, targets in offers(rules, server, host):
                if judged.why:
                    passed.append(judged)
                    continue
                return Explanation(f"{how(server)} {shares(targets)}", judged, tuple(passed))
    return Explanation(f"{CLOSED}: no rule takes it", None, tuple(passed))


def how(server: GatewayServer) -> str:
    """What a server does before it hands a connection on."""
    if server.is_passthrough:
        return "TLS passes through unopened to"
    return "TLS ends here, its bytes go to" if server.spec.HasField("tls") else "its bytes go to"


def offers(rules: MergedVirtualService, server: GatewayServer, host: str) -> Iterator[Offer]:
    """The rules of the layer that a server works on, each match by itself."""
    if server.is_passthrough:
        for index, tls in enumerate(rules.message.tls):
            for number, match in enumerate(tls.match):
                path = f"spec.tls[{index}].match[{number}]"
                why = (*unfit(match, server), *other_names(match, host))
                yield Judged(rules.origin, path, why), list(tls.route)
        return
    for index, tcp in enumerate(rules.message.tcp):
        path = f"spec.tcp[{index}]"
        if not tcp.match:
            yield Judged(rules.origin, path, ()), list(tcp.route)
        for number, condition in enumerate(tcp.match):
            judged = Judged(rules.origin, f"{path}.match[{number}]", tuple(unfit(condition, server)))
            yield judged, list(tcp.route)


def unfit(match: L4MatchAttributes | TLSMatchAttributes, server: GatewayServer) -> Iterator[str]:
    """What keeps a match from this server."""
    if match.port not in (0, server.spec.port.number):
        yield f"the port is {server.spec.port.number}, not {match.port}"
    if match.gateways and server.gateway_name not in match.gateways:
        yield f"it is for {', '.join(match.gateways)} only"


def other_names(match: TLSMatchAttributes, host: str) -> Iterator[str]:
    """What keeps a name from a match."""
    if not any(subset_of(host, name) for name in match.sni_hosts):
        yield f"its sniHosts are {', '.join(match.sni_hosts)}"
