"""WorkloadEntry, by itself and as an endpoint of a ServiceEntry.

Source: validateWorkloadEntry in istio's pkg/config/validation.
"""

from __future__ import annotations

from collections.abc import Collection

from miniistiod.api.istio.networking.workload_entry_pb2 import WorkloadEntry
from miniistiod.config.objects import Object
from miniistiod.config.validation import names, ports, values
from miniistiod.config.validation.finding import Findings, Steps, at, error, warning


def rules(one: Object[WorkloadEntry]) -> Findings:
    """Everything the webhook says about a WorkloadEntry."""
    yield from workload(one.message, (), None, by_name=True)


def workload(entry: WorkloadEntry, steps: Steps, known: Collection[str] | None, *, by_name: bool) -> Findings:
    """A workload; `known`: its ServiceEntry's ports; `by_name`: its address may be a host name."""
    address = entry.address
    if not address and not entry.network:
        yield from error(steps, "the workload has no address", "add address")
        return
    if not address:
        message = f"without an address only a gateway of the network {entry.network} can reach it"
        yield from warning(steps, message, "add address, or keep it so")
    elif address.startswith(ports.UNIX):
        yield from _socket(entry, steps, known)
    elif not names.is_address(address) and not by_name:
        yield from error(
            (*steps, "address"), f'"{address}" is no IP address', "write one, or resolution: DNS"
        )
    elif not names.is_address(address):
        yield from at((*steps, "address"), names.fqdn(address))
    yield from endpoint_ports(entry, steps, known)
    yield from names.labels(entry.labels, (*steps, "labels"))


def _socket(entry: WorkloadEntry, steps: Steps, known: Collection[str] | None) -> Findings:
    yield from at((*steps, "address"), ports.socket(entry.address.removeprefix(ports.UNIX)))
    if entry.ports:
        yield from error((*steps, "ports"), "a socket has no ports", "remove ports")
    if known is not None and len(known) != 1:
        yield from error(steps, "a socket serves one port of a ServiceEntry", "keep one port")


def endpoint_ports(entry: WorkloadEntry, steps: Steps, known: Collection[str] | None) -> Findings:
    """The numbers that the ports of a service have here."""
    for name, number in sorted(entry.ports.items()):
        here = (*steps, "ports", name)
        if known is not None and name not in known:
            yield from error(here, f"the ServiceEntry has no port {name}", f"write one of {', '.join(known)}")
        yield from at(here, ports.name(name), values.port(number))
