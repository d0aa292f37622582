"""The lab's network as commands: one router with a bridge, and a veth pair to each workload.

Every workload has a /32 address and reaches everything through the router, so that a service's address is
answered there for workloads without a sidecar, as kube-proxy does on a node. Each function returns text for
`ip -batch` or `iptables-restore`; nothing is executed here.
"""

from __future__ import annotations

from miniistiod.lab.addresses import PODS, ROUTER, SERVICES
from miniistiod.lab.description import Lab, Service

BRIDGE = "mesh0"

ROUTER_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
}
"""The router forwards between workloads and does not tell them that they could do without it."""


def router_links() -> str:
    """The router's side."""
    return "\n".join(
        [
            "link set lo up",
            f"link add {BRIDGE} type bridge",
            f"addr add {ROUTER}/{PODS.prefixlen} dev {BRIDGE}",
            f"link set {BRIDGE} up",
            f"route add {SERVICES} dev {BRIDGE}",
        ]
    )


def pod_link(number: int, pause: int) -> str:
    """A veth pair from the bridge into the namespace of this process."""
    return "\n".join(
        [
            f"link add pod{number} type veth peer name eth0 netns {pause}",
            f"link set pod{number} master {BRIDGE} up",
        ]
    )


def pod_routes(address: str) -> str:
    """The workload's side."""
    return "\n".join(
        [
            "link set lo up",
            f"link set eth0 address {hardware_address(address)}",
            f"addr add {address}/32 dev eth0",
            "link set eth0 up",
            f"route add {ROUTER} dev eth0",
            f"route add default via {ROUTER} dev eth0 src {address}",
        ]
    )


def hardware_address(address: str) -> str:
    """A MAC address that belongs to the IP address, so that neighbours stay right when it is reused."""
    return "0a:58:" + ":".join(f"{int(part):02x}" for part in address.split("."))


def service_rules(lab: Lab, addresses: dict[str, str]) -> str:
    """The router's tables: each service's address and port leads to one of its workloads at random, and is
    refused when there is none. `addresses` are those of the running workloads by key.
    """
    rules = [rule for service in lab.services for rule in balanced(lab, service, addresses)]
    nat = ["*nat", ":PREROUTING ACCEPT", ":OUTPUT ACCEPT", *rules, "COMMIT"]
    refused = ["*filter", ":FORWARD ACCEPT", f"-A FORWARD -d {SERVICES} -j REJECT", "COMMIT"]
    return "\n".join([*nat, *refused]) + "\n"


def balanced(lab: Lab, service: Service, addresses: dict[str, str]) -> list[str]:
    """The rules of one service, for workloads without a sidecar and for the lab itself."""
    if not service.address or service.address == "None":
        return []
    rules = []
    for port in service.ports:
        ends = [
            f"{addresses[w.key]}:{port.target_number(w)}"
            for w in lab.behind(service)
            if w.key in addresses and port.target_number(w)
        ]
        for number, end in enumerate(ends):
            left = len(ends) - number
            chance = f"-m statistic --mode random --probability {1 / left:.6f} " if left > 1 else ""
            match = (
                f"-d {service.address}/32 -p tcp --dport {port.number} {chance}-j DNAT --to-destination {end}"
            )
            rules += [f"-A PREROUTING {match}", f"-A OUTPUT {match}"]
    return rules
