"""Where a proxy may listen: its addresses by family, and the ports that are taken."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from envoy.config.core.v3.address_pb2 import Address, Pipe, SocketAddress
from envoy.config.listener.v3.listener_pb2 import AdditionalAddress, Listener

from miniistiod.mesh.kept import kept
from miniistiod.mesh.settings import MeshSettings
from miniistiod.proxy.node import Interception, Proxy
from miniistiod.vocab.protocol import Protocol

UNIX = "unix://"
_RESERVED = (
    "ENVOY_STATUS_PORT",
    "ENVOY_PROMETHEUS_PORT",
    "ENVOY_SECURE_METRICS_PORT",
    "ENVOY_SECURE_MERGED_METRICS_PORT",
)


@dataclass(frozen=True, slots=True)
class Bindings:
    """A value, shared by proxies whose surroundings are alike.

    `wildcards` and `localhosts` are one address for each family, the first is the main one. `reserved` are
    ports of the bootstrap's listeners, `virtual` those to which traffic is redirected.
    """

    ipv4: bool
    ipv6: bool
    wildcards: tuple[str, ...]
    localhosts: tuple[str, ...]
    interception: Interception
    reserved: frozenset[int]
    virtual: frozenset[int]
    unprivileged: bool = False
    balance_inbound: bool = False
    balance_outbound: bool = False

    @property
    def wildcard(self) -> str:
        """The main wildcard address."""
        return self.wildcards[0]

    @property
    def captured(self) -> bool:
        """Traffic is redirected to the proxy."""
        return self.interception is not Interception.NONE

    @property
    def transparent(self) -> bool:
        """Traffic is redirected and keeps its source address."""
        return self.interception is Interception.TPROXY

    def free(self, port: int, bind: str, protocol: Protocol, *, binds: bool, virtual: bool = True) -> bool:
        """Whether a listener may stand there. `binds`: it would really open the port.

        Only the wildcard address can collide with the proxy's own listeners; HTTP without a bind goes there.
        """
        if binds and self.unprivileged and 0 < port < 1024:
            return False
        on_wildcard = bind == self.wildcard if bind else protocol.is_http
        return not on_wildcard or port not in (self.reserved | self.virtual if virtual else self.reserved)


@kept
def bindings(proxy: Proxy, settings: MeshSettings) -> Bindings:
    """The bindings of one proxy. Kept although no other proxy shares it: each push asks."""
    families = [v4 for v4, there in ((True, proxy.supports_ipv4), (False, proxy.supports_ipv6)) if there]
    return Bindings(
        ipv4=proxy.supports_ipv4,
        ipv6=proxy.supports_ipv6,
        wildcards=tuple("0.0.0.0" if v4 else "::" for v4 in families),
        localhosts=tuple("127.0.0.1" if v4 else "::1" for v4 in families),
        interception=proxy.interception,
        reserved=frozenset(_port(proxy.metadata.get(name)) for name in _RESERVED) - {0},
        virtual=frozenset({settings.config.proxy_listen_port, settings.config.proxy_inbound_listen_port}),
        unprivileged=proxy.unprivileged,
        balance_inbound=_true(proxy.metadata.get("INBOUND_LISTENER_EXACT_BALANCE")),
        balance_outbound=_true(proxy.metadata.get("OUTBOUND_LISTENER_EXACT_BALANCE")),
    )


def address(bind: str, port: int) -> Address:
    """An IP address and a port; without a port it is a Unix socket."""
    if port:
        return Address(socket_address=SocketAddress(address=bind, port_value=port))
    return Address(pipe=Pipe(path=bind.removeprefix(UNIX)))


def additional(binds: Iterable[str], port: int) -> list[AdditionalAddress]:
    """Further addresses of the same listener."""
    return [AdditionalAddress(address=address(bind, port)) for bind in binds if bind]


def balance(wanted: bool) -> Listener.ConnectionBalanceConfig | None:
    """Connections are spread evenly over Envoy's threads, if that is wanted."""
    if not wanted:
        return None
    config = Listener.ConnectionBalanceConfig
    return config(exact_balance=config.ExactBalance())


@kept
def own_address(addresses: tuple[str, ...], wildcard: str) -> str:
    """The first address by which others can reach the proxy."""
    parsed = (ipaddress.ip_address(a) for a in addresses)
    reachable = (
        a for a in parsed if not (a.is_loopback or a.is_link_local or a.is_multicast or a.is_unspecified)
    )
    return str(next(reachable, wildcard))


def _port(value: object) -> int:
    text = str(value).removesuffix(".0")
    return int(text) if text.isdecimal() else 0


def _true(value: object) -> bool:
    return str(value).lower() in ("true", "1", "t")
