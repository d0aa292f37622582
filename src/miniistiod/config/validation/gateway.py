"""Gateway: its servers, their ports, hosts and binds; their TLS is in `server_tls`.

Source: ValidateGateway in istio's pkg/config/validation.
"""

from __future__ import annotations

from miniistiod.api.istio.networking.gateway_pb2 import Gateway, Port, Server, ServerTLSSettings
from miniistiod.config.objects import Object
from miniistiod.config.validation import names, ports, values
from miniistiod.config.validation.finding import Finding, Findings, Steps, at, error, warning
from miniistiod.config.validation.server_tls import server_tls
from miniistiod.vocab.protocol import Protocol, parsed

PASSTHROUGH = (ServerTLSSettings.PASSTHROUGH, ServerTLSSettings.AUTO_PASSTHROUGH)


def rules(one: Object[Gateway]) -> Findings:
    """Everything the webhook says about a Gateway."""
    if wrong := names.dns_label(one.name, "name of a Gateway"):
        yield Finding(("metadata", "name"), wrong.message, wrong.remedy, metadata=True)
    if not one.message.servers:
        yield from error((), "a Gateway needs a server", "add servers")
    seen: set[str] = set()
    for index, server in enumerate(one.message.servers):
        here: Steps = ("servers", index)
        yield from _server(server, here)
        name = server.port.name
        if server.HasField("port") and name in seen:
            yield from error(
                (*here, "port", "name"), f"there is a port {name} already", "give each its own name"
            )
        seen.add(name)
        if server.HasField("port") and server.tls.https_redirect and not parsed(server.port.protocol).is_http:
            message = "httpsRedirect is for servers that speak plain HTTP"
            yield from warning((*here, "tls", "httpsRedirect"), message, "move it to the HTTP server")


def _server(server: Server, steps: Steps) -> Findings:
    if not server.hosts:
        yield from error(steps, "a server needs a host", 'add hosts, ["*"] for all')
    for index, host in enumerate(server.hosts):
        yield from ports.namespaced_host(host, (*steps, "hosts", index), gateway=True)
    found = list(_port(server, steps))
    yield from found
    yield from _bind(server, steps)
    if server.HasField("tls"):
        yield from server_tls(server.tls, (*steps, "tls"))
    if not found:
        yield from _tls_fits(server, steps)


def _port(server: Server, steps: Steps) -> Findings:
    if not server.HasField("port"):
        yield from error(steps, "a server needs a port", "add port: {number: 80, name: http, protocol: HTTP}")
        return
    port: Port = server.port
    here = (*steps, "port")
    if parsed(port.protocol) is Protocol.AUTO:
        remedy = f"write one of {ports.PROTOCOLS}"
        yield from error((*here, "protocol"), f'"{port.protocol}" is no protocol of a gateway', remedy)
    if port.number or not server.bind.startswith(ports.UNIX):
        yield from at((*here, "number"), values.port(port.number))
    if port.target_port:
        yield from error((*here, "targetPort"), "targetPort does nothing at a gateway", "remove it")
    if not port.name:
        yield from error(here, "the port needs a name", "add name")


def _bind(server: Server, steps: Steps) -> Findings:
    if server.bind.startswith(ports.UNIX):
        yield from at((*steps, "bind"), ports.socket(server.bind.removeprefix(ports.UNIX)))
        if server.port.number:
            yield from error((*steps, "port", "number"), "a socket has no port number", "write number: 0")
    elif server.bind:
        yield from at((*steps, "bind"), ports.address(server.bind))


def _tls_fits(server: Server, steps: Steps) -> Findings:
    """TLS belongs to HTTPS and TLS; plain HTTP may only redirect."""
    protocol = parsed(server.port.protocol)
    if protocol.is_tls:
        if not server.HasField("tls"):
            yield from error(
                steps, f"{server.port.protocol} needs tls", "add tls: {mode: SIMPLE, credentialName: ...}"
            )
    elif server.HasField("tls"):
        tls = server.tls
        files = tls.ca_certificates or tls.private_key or tls.server_certificate
        if not protocol.is_http or tls.mode not in PASSTHROUGH or files:
            message = f"tls at a port that speaks {server.port.protocol}"
            yield from error((*steps, "tls"), message, "write protocol: HTTPS or TLS, or remove tls")
