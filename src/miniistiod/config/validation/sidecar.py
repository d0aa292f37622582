"""Sidecar: its ingress and egress listeners, the hosts they see, and what happens to unknown traffic.

Source: ValidateSidecar in istio's pkg/config/validation.
"""

from __future__ import annotations

from collections.abc import Sequence

from miniistiod.api.istio.networking.gateway_pb2 import ServerTLSSettings
from miniistiod.api.istio.networking.sidecar_pb2 import (
    CaptureMode,
    IstioEgressListener,
    IstioIngressListener,
    OutboundTrafficPolicy,
    Sidecar,
    SidecarPort,
)
from miniistiod.config.objects import Object
from miniistiod.config.validation import names, ports, values
from miniistiod.config.validation.connection_pool import connection_pool
from miniistiod.config.validation.destinations import destination
from miniistiod.config.validation.finding import Findings, Steps, at, error, warning
from miniistiod.config.validation.selector import label_selector
from miniistiod.config.validation.server_tls import server_tls
from miniistiod.vocab.protocol import parsed

NOT_AT_INGRESS = {
    "subject_alt_names": "subjectAltNames",
    "https_redirect": "httpsRedirect",
    "credential_name": "credentialName",
    "credential_names": "credentialNames",
    "tls_certificates": "tlsCertificates",
}


def rules(one: Object[Sidecar]) -> Findings:
    """Everything the webhook says about a Sidecar."""
    sidecar = one.message
    if sidecar.HasField("workload_selector"):
        yield from label_selector(sidecar.workload_selector, ("workloadSelector",))
    fields = {descriptor.name for descriptor, _ in sidecar.ListFields()} - {"workload_selector"}
    if not fields:
        yield from error((), "this Sidecar says nothing", 'add egress: [{hosts: ["./*"]}], or ingress')
        return
    yield from _ingress(sidecar.ingress)
    if sidecar.HasField("inbound_connection_pool"):
        yield from connection_pool(sidecar.inbound_connection_pool, ("inboundConnectionPool",))
    yield from _egress(sidecar.egress, one.namespace)
    if sidecar.HasField("outbound_traffic_policy"):
        yield from _outbound(sidecar.outbound_traffic_policy, ("outboundTrafficPolicy",))


def _ingress(listeners: Sequence[IstioIngressListener]) -> Findings:
    seen: set[int] = set()
    for index, listener in enumerate(listeners):
        here: Steps = ("ingress", index)
        if not listener.HasField("port"):
            yield from error(
                here, "an ingress listener needs a port", "add port: {number: ..., protocol: HTTP}"
            )
            continue
        yield from _port(listener.port, (*here, "port"))
        yield from at((*here, "port", "number"), values.port(listener.port.number))
        if listener.bind:
            yield from at((*here, "bind"), ports.address(listener.bind))
        if listener.port.number in seen:
            yield from error(
                (*here, "port", "number"), f"port {listener.port.number} is taken", "use each port once"
            )
        seen.add(listener.port.number)
        if listener.default_endpoint:
            yield from at((*here, "defaultEndpoint"), ports.endpoint(listener.default_endpoint))
        if listener.HasField("tls"):
            yield from _ingress_tls(listener, (*here, "tls"))
        if listener.HasField("connection_pool"):
            yield from _ingress_pool(listener, (*here, "connectionPool"))


def _port(port: SidecarPort, steps: Steps) -> Findings:
    if port.target_port:
        yield from error((*steps, "targetPort"), "targetPort does nothing at a sidecar", "remove it")
    if port.name:
        yield from at((*steps, "name"), ports.name(port.name))
    yield from at((*steps, "protocol"), ports.protocol(port.protocol))


def _ingress_tls(listener: IstioIngressListener, steps: Steps) -> Findings:
    tls = listener.tls
    for field, name in NOT_AT_INGRESS.items():
        if getattr(tls, field):
            yield from error((*steps, name), f"{name} is not for sidecars", f"remove {name}")
    if tls.mode in (ServerTLSSettings.ISTIO_MUTUAL, ServerTLSSettings.AUTO_PASSTHROUGH):
        message = f"{ServerTLSSettings.TLSmode.Name(tls.mode)} is not for the ingress of a sidecar"
        yield from error((*steps, "mode"), message, "write SIMPLE or MUTUAL")
    if not parsed(listener.port.protocol).is_tls:
        message = f"tls at a port that speaks {listener.port.protocol or 'no protocol in particular'}"
        yield from error(steps, message, "write protocol: HTTPS or TLS")
    yield from server_tls(tls, steps)


def _ingress_pool(listener: IstioIngressListener, steps: Steps) -> Findings:
    yield from connection_pool(listener.connection_pool, steps)
    if listener.connection_pool.HasField("http") and not parsed(listener.port.protocol).is_http:
        message = (
            f"http settings at a port that speaks {listener.port.protocol or 'no protocol in particular'}"
        )
        yield from warning((*steps, "http"), message, "write protocol: HTTP, or only tcp settings")


def _egress(listeners: Sequence[IstioEgressListener], namespace: str) -> Findings:
    seen: set[int | str] = set()
    for index, listener in enumerate(listeners):
        here: Steps = ("egress", index)
        if not listener.HasField("port"):
            if index < len(listeners) - 1:
                message = "a listener without a port takes what the others leave, so it has to be the last"
                yield from error(here, message, "move it to the end, or give it a port")
        else:
            yield from _egress_port(listener, here)
            taken = listener.port.number or listener.bind
            if taken in seen:
                yield from error(
                    (*here, "port"), f"{taken} is taken by an earlier listener", "use each of them once"
                )
            seen.add(taken)
        yield from _hosts(listener.hosts, here, namespace)


def _egress_port(listener: IstioEgressListener, steps: Steps) -> Findings:
    port, bind = listener.port, listener.bind
    yield from _port(port, (*steps, "port"))
    if port.number:
        yield from at((*steps, "port", "number"), values.port(port.number))
        if bind:
            yield from at((*steps, "bind"), ports.address(bind))
        return
    if bind.startswith(ports.UNIX):
        yield from at((*steps, "bind"), ports.socket(bind.removeprefix(ports.UNIX)))
    else:
        yield from error((*steps, "port"), "port 0 is for sockets", "write a port, or bind: unix:///path")
    if listener.capture_mode not in (CaptureMode.DEFAULT, CaptureMode.NONE):
        yield from error((*steps, "captureMode"), "a socket captures nothing", "write captureMode: NONE")


def _hosts(hosts: Sequence[str], steps: Steps, namespace: str) -> Findings:
    if not hosts:
        yield from error(steps, "an egress listener needs hosts", 'add hosts: ["./*"]')
    seen: dict[str, set[str]] = {}
    for index, text in enumerate(hosts):
        here = (*steps, "hosts", index)
        yield from ports.namespaced_host(text, here, gateway=False)
        where, slash, host = text.partition("/")
        if not slash or where.startswith("~"):
            continue
        known = seen.setdefault(namespace if where == "." else where, set())
        if host in known or (known if host == "*" else "*" in known):
            yield from warning(here, f"{text} overlaps with an earlier host", "keep one of them")
        known.add(host)
    if "*" in seen.get("*", ()) and len(seen) > 1:
        yield from warning(
            (*steps, "hosts"), "*/* takes everything; the other hosts add nothing", "keep */* or them"
        )


def _outbound(policy: OutboundTrafficPolicy, steps: Steps) -> Findings:
    if not policy.HasField("egress_proxy"):
        return
    here = (*steps, "egressProxy")
    if policy.mode != OutboundTrafficPolicy.ALLOW_ANY:
        yield from error(here, "egressProxy takes what REGISTRY_ONLY refuses", "write mode: ALLOW_ANY")
        return
    yield from at((*here, "host"), names.fqdn(policy.egress_proxy.host))
    if policy.egress_proxy.HasField("port"):
        yield from destination(policy.egress_proxy, here)
    else:
        yield from error(here, "the proxy needs a port", "add port: {number: ...}")
