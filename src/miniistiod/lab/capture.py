"""A workload's annotations → the iptables rules that put its sidecar into the way, for iptables-restore.

They are the rules that istio-init lays, one for one. Istio knows Envoy's own connections by their user id, as
do the containers; an unprivileged user namespace cannot match that, so there they carry a mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from miniistiod.proxy.bootstrap import MARK, PROMETHEUS_PORT, STATUS_PORT

OUTBOUND, INBOUND, TUNNEL = 15001, 15006, 15008
AGENT_PORT = 15020
NEVER_INBOUND = (str(PROMETHEUS_PORT), str(STATUS_PORT), str(AGENT_PORT))
"""Ports of the proxy itself, which the injector always excludes."""
PREFIX = "traffic.sidecar.istio.io/"


@dataclass(frozen=True, slots=True)
class Capture:
    """What is captured: "*" is everything. The excluded is taken out first."""

    inbound_ports: tuple[str, ...] = ("*",)
    exclude_inbound_ports: tuple[str, ...] = ()
    outbound_ranges: tuple[str, ...] = ("*",)
    exclude_outbound_ranges: tuple[str, ...] = ()
    outbound_ports: tuple[str, ...] = ()
    exclude_outbound_ports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Own:
    """How Envoy's own connections are told: the match for them, and the one for all others."""

    match: str
    others: str


def capture_of(annotations: Mapping[str, str]) -> Capture:
    """The wishes of a Pod, in Istio's annotations."""

    def values(name: str, default: str) -> tuple[str, ...]:
        return tuple(v.strip() for v in annotations.get(PREFIX + name, default).split(",") if v.strip())

    return Capture(
        inbound_ports=values("includeInboundPorts", "*"),
        exclude_inbound_ports=values("excludeInboundPorts", ""),
        outbound_ranges=values("includeOutboundIPRanges", "*"),
        exclude_outbound_ranges=values("excludeOutboundIPRanges", ""),
        outbound_ports=values("includeOutboundPorts", ""),
        exclude_outbound_ports=values("excludeOutboundPorts", ""),
    )


def by_mark(mark: int = MARK) -> Own:
    """Told by the mark of their packets."""
    return Own(f"-m mark --mark {mark}", f"-m mark ! --mark {mark}")


def by_user(number: int) -> Own:
    """Told by the user who sends."""
    return Own(f"-m owner --uid-owner {number}", f"-m owner ! --uid-owner {number}")


def capture_rules(capture: Capture, own: Own | None = None) -> str:
    """The nat table of a captured workload; iptables-restore lays it in one step."""
    lines = [
        "*nat",
        *(
            f"-N {chain}"
            for chain in ("ISTIO_INBOUND", "ISTIO_REDIRECT", "ISTIO_IN_REDIRECT", "ISTIO_OUTPUT")
        ),
        f"-A ISTIO_INBOUND -p tcp --dport {TUNNEL} -j RETURN",
        f"-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports {OUTBOUND}",
        f"-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports {INBOUND}",
        *inbound(capture),
        *outbound(capture, own or by_mark()),
        "COMMIT",
    ]
    return "\n".join(lines) + "\n"


def inbound(capture: Capture) -> Iterator[str]:
    """What comes in from other workloads."""
    if not capture.inbound_ports:
        return
    yield "-A PREROUTING -p tcp -j ISTIO_INBOUND"
    if "*" not in capture.inbound_ports:
        yield from (
            f"-A ISTIO_INBOUND -p tcp --dport {p} -j ISTIO_IN_REDIRECT" for p in capture.inbound_ports
        )
        return
    for port in (*NEVER_INBOUND, *capture.exclude_inbound_ports):
        yield f"-A ISTIO_INBOUND -p tcp --dport {port} -j RETURN"
    yield "-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT"


def outbound(capture: Capture, own: Own) -> Iterator[str]:
    """What the workload and its Envoy send; the order is the meaning."""
    envoy = own.match
    yield "-A OUTPUT -j ISTIO_OUTPUT"
    for port in capture.exclude_outbound_ports:
        yield f"-A ISTIO_OUTPUT -p tcp --dport {port} -j RETURN"
        yield f"-A ISTIO_OUTPUT -p udp --dport {port} -j RETURN"
    # Envoy hands inbound requests to the application from this address.
    yield "-A ISTIO_OUTPUT -o lo -s 127.0.0.6/32 -j RETURN"
    # The application called itself by its service's name: Envoy → Envoy's inbound side → application.
    yield f"-A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport {TUNNEL} {envoy} -j ISTIO_IN_REDIRECT"
    # The application called itself by its own address.
    yield f"-A ISTIO_OUTPUT -o lo {own.others} -j RETURN"
    # Envoy's own connections must not come back to it.
    yield f"-A ISTIO_OUTPUT {envoy} -j RETURN"
    yield "-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN"
    yield from (f"-A ISTIO_OUTPUT -d {cidr} -j RETURN" for cidr in capture.exclude_outbound_ranges)
    yield from (f"-A ISTIO_OUTPUT -p tcp --dport {p} -j ISTIO_REDIRECT" for p in capture.outbound_ports)
    if "*" in capture.outbound_ranges:
        yield "-A ISTIO_OUTPUT -j ISTIO_REDIRECT"
    else:
        yield from (f"-A ISTIO_OUTPUT -d {cidr} -j ISTIO_REDIRECT" for cidr in capture.outbound_ranges)
