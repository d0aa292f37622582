"""ServiceEntry: hosts, addresses, ports, and what each way of resolving asks for.

Source: ValidateServiceEntry in istio's pkg/config/validation.
"""

from __future__ import annotations

from miniistiod.api.istio.networking.service_entry_pb2 import ServiceEntry
from miniistiod.config.objects import Object
from miniistiod.config.validation import names, ports, values
from miniistiod.config.validation.finding import Findings, Steps, at, error, warning
from miniistiod.config.validation.selector import label_selector
from miniistiod.config.validation.workload_entry import endpoint_ports, workload
from miniistiod.vocab.protocol import Protocol, parsed

DYNAMIC_PROTOCOLS = (Protocol.HTTP, Protocol.HTTP2, Protocol.GRPC, Protocol.TLS)
WAYPOINT = "istio.io/use-waypoint"
AUTOALLOCATE = "networking.istio.io/enable-autoallocate-ip"


def rules(one: Object[ServiceEntry]) -> Findings:
    """Everything the webhook says about a ServiceEntry."""
    entry = one.message
    if entry.HasField("workload_selector"):
        yield from label_selector(entry.workload_selector, ("workloadSelector",))
        if entry.endpoints:
            yield from error(("endpoints",), "endpoints beside workloadSelector", "keep one of them")
    yield from _hosts(entry)
    yield from _addresses(entry)
    yield from _ports(entry)
    yield from _unreachable_tcp(one)
    yield from _resolution(one)
    yield from _told_apart(entry)
    yield from names.export_to(entry.export_to, one.namespace, service=True)


def _hosts(entry: ServiceEntry) -> Findings:
    if not entry.hosts:
        yield from error((), "a ServiceEntry needs a host", "add hosts")
    for index, host in enumerate(entry.hosts):
        here: Steps = ("hosts", index)
        if host == "*":
            yield from error(here, "* is no service", "write names, or *.example.com")
            continue
        yield from at(here, names.wildcard_host(host))
        partial = ports.partial_wildcard(host)
        if partial is not None and entry.resolution != ServiceEntry.DYNAMIC_DNS:
            yield from warning(here, *partial)


def _addresses(entry: ServiceEntry) -> Findings:
    for index, address in enumerate(entry.addresses):
        here: Steps = ("addresses", index)
        yield from at(here, values.subnet(address))
        if "/" in address and entry.resolution not in (ServiceEntry.NONE, ServiceEntry.STATIC):
            message = "a range of addresses where names are resolved"
            yield from error(here, message, "write resolution: NONE or STATIC, or single addresses")


def _ports(entry: ServiceEntry) -> Findings:
    seen: set[str | int] = set()
    for index, port in enumerate(entry.ports):
        here: Steps = ("ports", index)
        for field, value in (("name", port.name), ("number", port.number)):
            if value in seen:
                yield from error(
                    (*here, field), f"there is a port {value} already", "use each name and number once"
                )
            seen.add(value)
        yield from at((*here, "name"), ports.name(port.name))
        yield from at((*here, "protocol"), ports.protocol(port.protocol))
        yield from at((*here, "number"), values.port(port.number))
        if port.target_port:
            yield from at((*here, "targetPort"), values.port(port.target_port))


def _unreachable_tcp(one: Object[ServiceEntry]) -> Findings:
    """Without an address, given or allocated by istiod, clients have nothing to send plain TCP to."""
    entry = one.message
    opted_out = one.labels.get(AUTOALLOCATE, "").lower() == "false"
    if entry.addresses or not (opted_out or entry.resolution == ServiceEntry.NONE):
        return
    for index, port in enumerate(entry.ports):
        if port.protocol in ("", "TCP"):
            message = "a TCP port of a service without addresses takes the traffic of every address"
            yield from warning(("ports", index), message, "add addresses, or name the protocol")


def _resolution(one: Object[ServiceEntry]) -> Findings:
    entry = one.message
    if entry.resolution == ServiceEntry.NONE:
        yield from _none(entry)
    elif entry.resolution == ServiceEntry.STATIC:
        known = [port.name for port in entry.ports]
        for index, endpoint in enumerate(entry.endpoints):
            yield from workload(endpoint, ("endpoints", index), known, by_name=False)
    elif entry.resolution == ServiceEntry.DYNAMIC_DNS:
        yield from _dynamic_dns(one)
    else:
        yield from _dns(entry)


def _none(entry: ServiceEntry) -> Findings:
    if entry.endpoints:
        message = "endpoints with resolution NONE, which keeps the address that the client chose"
        yield from error(("endpoints",), message, "write resolution: STATIC or DNS, or remove them")
    if entry.HasField("workload_selector"):
        message = "workloadSelector with resolution NONE selects nothing"
        yield from warning(("workloadSelector",), message, "write resolution: STATIC")


def _dns(entry: ServiceEntry) -> Findings:
    if not entry.endpoints:
        for index, host in enumerate(entry.hosts):
            if names.fqdn(host):
                message = f"{host} cannot be looked up"
                yield from error(("hosts", index), message, "write full names, or add endpoints")
                break
    if entry.resolution == ServiceEntry.DNS_ROUND_ROBIN and len(entry.endpoints) > 1:
        yield from error(
            ("endpoints",), "DNS_ROUND_ROBIN takes one endpoint", "keep one, or write resolution: DNS"
        )
    known = [port.name for port in entry.ports]
    for index, endpoint in enumerate(entry.endpoints):
        here: Steps = ("endpoints", index)
        if not names.is_address(endpoint.address):
            yield from at((*here, "address"), names.fqdn(endpoint.address))
        yield from names.labels(endpoint.labels, (*here, "labels"))
        yield from endpoint_ports(endpoint, here, known)
    if entry.addresses and len(entry.hosts) > 1 and any(parsed(port.protocol).is_tcp for port in entry.ports):
        message = "several hosts share the addresses, and TCP has no host to tell them apart by"
        yield from warning(("hosts",), message, "write one ServiceEntry for each host")


def _dynamic_dns(one: Object[ServiceEntry]) -> Findings:
    entry = one.message
    for index, host in enumerate(entry.hosts):
        if not host.startswith("*"):
            yield from error(
                ("hosts", index), f"{host}: DYNAMIC_DNS is for wildcards", "write resolution: DNS"
            )
    for field in ("addresses", "endpoints"):
        if getattr(entry, field):
            message = f"{field} with DYNAMIC_DNS, which looks up the host of each request"
            yield from error((field,), message, f"remove {field}")
    for index, port in enumerate(entry.ports):
        if parsed(port.protocol) not in DYNAMIC_PROTOCOLS:
            message = f"{port.protocol or 'no protocol'} with DYNAMIC_DNS: there is no name to look up"
            yield from error(("ports", index, "protocol"), message, "write HTTP, HTTP2, GRPC or TLS")
    waypoint = one.labels.get(WAYPOINT, "")
    if entry.location == ServiceEntry.MESH_INTERNAL and waypoint and waypoint.lower() != "none":
        yield from error(
            ("location",), "MESH_INTERNAL with DYNAMIC_DNS behind a waypoint", "write MESH_EXTERNAL"
        )


def _told_apart(entry: ServiceEntry) -> Findings:
    """Of several hosts of one entry, HTTP and TLS tell which is meant; plain TCP cannot."""
    if entry.resolution == ServiceEntry.NONE or len(entry.hosts) < 2:
        return
    for index, port in enumerate(entry.ports):
        protocol = parsed(port.protocol)
        if not protocol.is_http and not protocol.is_tls:
            message = "several hosts at a port that speaks neither HTTP nor TLS"
            yield from error(("ports", index, "protocol"), message, "write one ServiceEntry for each host")
            return
