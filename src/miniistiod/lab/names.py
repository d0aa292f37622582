"""The lab's name server: a service's name → its address, as in a cluster; nothing of the outside world.

It answers for NAME.NAMESPACE.svc.cluster.local, for headless services with their workloads' addresses, and
for the outside names that workloads and load balancers of the lab play, `*.example.com` among them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from miniistiod.lab.description import Lab

DOMAIN = "cluster.local"
SECONDS = 5
"""How long an answer may be kept."""

Records = Mapping[str, tuple[str, ...]]


def resolv_conf(namespace: str, server: str) -> str:
    """What /etc/resolv.conf says in a workload of this namespace."""
    return (
        f"nameserver {server}\nsearch {namespace}.svc.{DOMAIN} svc.{DOMAIN} {DOMAIN}\n"
        "options ndots:5 timeout:1 attempts:3\n"
    )


def records(lab: Lab, addresses: Mapping[str, str], control_plane: str) -> Records:
    """Every name of the lab with its addresses; `addresses` are those of the running workloads by key."""
    found: dict[str, tuple[str, ...]] = {f"istiod.istio-system.svc.{DOMAIN}": (control_plane,)}
    for service in lab.services:
        host = f"{service.name}.{service.namespace}.svc.{DOMAIN}"
        if service.address and service.address != "None":
            found[host] = (service.address,)
        elif not service.external_name:
            found[host] = tuple(addresses[w.key] for w in lab.behind(service) if w.key in addresses)
        for name in service.hostnames:
            found[name] = (service.address,)
    for workload in lab.workloads:
        for name in workload.hostnames:
            found[name] = (*found.get(name, ()), addresses.get(workload.key, ""))
    for service in lab.services:
        if service.external_name in found:
            found[f"{service.name}.{service.namespace}.svc.{DOMAIN}"] = found[service.external_name]
    return {name.lower(): tuple(a for a in where if a) for name, where in found.items()}


def answer(query: bytes, known: Records) -> bytes | None:
    """The reply to one DNS message; None for what is no query. An unknown name does not exist (NXDOMAIN)."""
    try:
        asked = dns.message.from_wire(query)
        reply = dns.message.make_response(asked)
    except dns.exception.DNSException:
        return None
    reply.flags |= dns.flags.AA | dns.flags.RA
    for question in asked.question:
        name = question.name.to_text(omit_final_dot=True).lower()
        where = addresses_of(name, known)
        if where is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.A and where:
            reply.answer.append(dns.rrset.from_text(question.name, SECONDS, "IN", "A", *where))
    return reply.to_wire()


def addresses_of(name: str, known: Records) -> tuple[str, ...] | None:
    """The addresses of a name, its own before those of the narrowest wildcard; None when there is no such
    name.
    """
    labels = name.split(".")
    wildcards = (".".join(["*", *labels[cut:]]) for cut in range(1, len(labels)))
    return next((known[each] for each in (name, *wildcards) if each in known), None)


class NameServer(asyncio.DatagramProtocol):
    """The server's socket; `known` is asked for at every query."""

    def __init__(self, known: Callable[[], Records]) -> None:
        self.known = known
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        reply = answer(data, self.known())
        if reply is not None and self.transport:
            self.transport.sendto(reply, addr)
