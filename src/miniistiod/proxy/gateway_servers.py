"""The servers of one Gateway as one router would run them: hosts in full, target ports, names of their
routes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from miniistiod.api.istio.networking import gateway_pb2
from miniistiod.config.objects import Object
from miniistiod.proxy.inbound import Targets
from miniistiod.vocab.protocol import Protocol, parsed

SERVICE = "internal.istio.io/gateway-service"
"""The annotation of a Gateway that was made from one of the Gateway API: the host names of its Services."""

MANAGED = "internal.istio.io/managed"
"""The annotation of one whose routers are its own."""

PARENT_NAMESPACE = "internal.istio.io/parent-namespace"
NO_TRANSLATION = "experimental.istio.io/disable-gateway-port-translation"
PASSTHROUGH = (gateway_pb2.ServerTLSSettings.PASSTHROUGH, gateway_pb2.ServerTLSSettings.AUTO_PASSTHROUGH)
MUTUAL = (gateway_pb2.ServerTLSSettings.MUTUAL, gateway_pb2.ServerTLSSettings.OPTIONAL_MUTUAL)


@dataclass(frozen=True, slots=True, eq=False)
class GatewayServer:
    """One server that takes effect on one port.

    `spec` is the server as written. `hosts` are NAMESPACE/HOST, with `.` replaced by the Gateway's
    namespace, or HOST for any namespace. `port` is the number to listen on. `route_name` is "" for TCP and
    TLS passthrough. `sni_hosts` are the sorted hosts of a server with TLS settings.
    """

    spec: gateway_pb2.Server
    gateway: Object[gateway_pb2.Gateway]
    hosts: tuple[str, ...]
    port: int
    route_name: str
    sni_hosts: tuple[str, ...] = ()

    @property
    def gateway_name(self) -> str:
        """NAMESPACE/NAME, as VirtualServices name it."""
        return f"{self.gateway.namespace}/{self.gateway.name}"

    @property
    def protocol(self) -> Protocol:
        """What is spoken on its port."""
        return parsed(self.spec.port.protocol)

    @property
    def is_passthrough(self) -> bool:
        """TLS goes through it unopened."""
        return self.spec.HasField("tls") and self.spec.tls.mode in PASSTHROUGH

    @property
    def auto_passthrough(self) -> bool:
        """TLS goes through it unopened, to the service that the SNI names."""
        return (
            self.spec.HasField("tls") and self.spec.tls.mode == gateway_pb2.ServerTLSSettings.AUTO_PASSTHROUGH
        )

    @property
    def is_tls(self) -> bool:
        """It has TLS settings that are more than a redirect from HTTP."""
        return self.spec.HasField("tls") and not self.protocol.is_http

    @property
    def is_http(self) -> bool:
        """Its requests are routed: plain HTTP, or HTTPS that ends here."""
        return self.protocol.is_http or (self.protocol is Protocol.HTTPS and not self.is_passthrough)

    @property
    def credentials(self) -> tuple[str, ...]:
        """The names of the certificates it asks for, with those of their CAs for mutual TLS."""
        tls = self.spec.tls
        given = tuple(tls.credential_names) or ((tls.credential_name,) if tls.credential_name else ())
        names = tuple(name if "://" in name else f"kubernetes://{name}" for name in given)
        roots = (tls.ca_cert_credential_name,) if tls.ca_cert_credential_name else ()
        return names + (tuple(f"{name}-cacert" for name in names) if tls.mode in MUTUAL else ()) + roots


def servers(gateway: Object[gateway_pb2.Gateway], targets: Targets) -> Iterator[GatewayServer]:
    """The servers of a Gateway in their order, each for every port that it comes to on this router."""
    own = own_targets(gateway, targets)
    for spec in gateway.message.servers:
        if not spec.HasField("port"):
            continue
        hosts = full_hosts(tuple(spec.hosts), gateway.namespace)
        for port in listening_ports(spec.port.number, own, SERVICE not in gateway.annotations):
            yield GatewayServer(
                spec=spec,
                gateway=gateway,
                hosts=hosts,
                port=port,
                route_name=route_name(spec, port, gateway),
                sni_hosts=tuple(sorted({h.rpartition("/")[2] for h in hosts}))
                if spec.HasField("tls")
                else (),
            )


def own_targets(gateway: Object[gateway_pb2.Gateway], targets: Targets) -> Targets:
    """The targets that count for a Gateway: all, or those of the Services it was made for."""
    if SERVICE not in gateway.annotations:
        return targets
    hosts = gateway.annotations[SERVICE].split(",")
    namespace = gateway.annotations.get(PARENT_NAMESPACE) or gateway.namespace
    return tuple(t for t in targets if t.service.hostname in hosts and t.service.namespace == namespace)


def full_hosts(hosts: tuple[str, ...], namespace: str) -> tuple[str, ...]:
    """`./HOST` is for the Gateway's namespace, `*/HOST` is HOST; `*/*` makes all others needless."""
    if "*/*" in hosts:
        return ("*",)
    return tuple(f"{namespace}/{h[2:]}" if h.startswith("./") else h.removeprefix("*/") for h in hosts)


def listening_ports(number: int, targets: Targets, chosen_by_labels: bool) -> tuple[int, ...]:
    """Where to listen for a server's port: on the target port of the Service's port, else on the port itself.

    A Gateway that chooses its routers by labels takes the first Service; one made for a Service takes all
    target ports, and none when the Service has no such port.
    """
    found = [
        target.target_port
        for target in targets
        if target.port.number == number and not (chosen_by_labels and NO_TRANSLATION in target.service.labels)
    ]
    if chosen_by_labels:
        return (found[0] if found else number,)
    return tuple(dict.fromkeys(found))


def route_name(spec: gateway_pb2.Server, port: int, gateway: Object[gateway_pb2.Gateway]) -> str:
    """http.PORT for plain HTTP, https.PORT.NAME.GATEWAY.NAMESPACE for HTTPS that ends here, "" for the rest.

    HTTPS has the port that the Gateway names, plain HTTP the one that is listened on.
    """
    bind = f".{spec.bind}" if spec.bind else ""
    protocol = parsed(spec.port.protocol)
    if protocol.is_http:
        return f"http.{port}{bind}"
    if protocol is Protocol.HTTPS and not (spec.HasField("tls") and spec.tls.mode in PASSTHROUGH):
        return f"https.{spec.port.number}.{spec.port.name}.{gateway.name}.{gateway.namespace}{bind}"
    return ""
