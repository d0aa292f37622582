"""Envoy's Node → Proxy: who connects, as it says itself in the first request of its stream.

The id is KIND~ADDRESS~NAME.NAMESPACE~DNS-DOMAIN; everything else stands in the metadata, under
istio-agent's names.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from envoy.config.core.v3 import base_pb2
from google.protobuf import json_format


class ProxyKind(Enum):
    """What the proxy is for."""

    SIDECAR = "sidecar"
    ROUTER = "router"


class Interception(Enum):
    """How traffic comes to a sidecar; NONE: it does not, applications dial the listeners themselves."""

    REDIRECT = "REDIRECT"
    TPROXY = "TPROXY"
    NONE = "NONE"


class NodeError(ValueError):
    """A Node that is no proxy of ours; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True, eq=False)
class Proxy:
    """One connected Envoy. Equal only to itself: made once for a stream.

    `id` is NAME.NAMESPACE. `labels` are those of the workload. `service_account` is the bare name.
    `proxy_config` is the PROXY_CONFIG of the metadata as JSON text, None when absent or null (then the
    mesh's defaultConfig counts). `istio_extensions`: it has Istio's own filters (DESIGN decision 5).
    `node_cluster` is the Node's own cluster (APP.NAMESPACE), as spans name it. `version` is (major, minor,
    patch) of ISTIO_VERSION, `envoy` (major, minor) of the program; () when not said. `metadata` is
    everything as it came.
    """

    kind: ProxyKind
    id: str
    name: str
    namespace: str
    dns_domain: str
    addresses: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    service_account: str = ""
    workload: str = ""
    locality: str = ""
    cluster: str = ""
    network: str = ""
    mesh_id: str = ""
    node_cluster: str = ""
    node_name: str = ""
    interception: Interception = Interception.REDIRECT
    istio_extensions: bool = False
    proxy_config: str | None = None
    http_proxy_port: int = 0
    unprivileged: bool = False
    dns_capture: bool = False
    version: tuple[int, ...] = ()
    envoy: tuple[int, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_sidecar(self) -> bool:
        """It serves one workload."""
        return self.kind is ProxyKind.SIDECAR

    @property
    def is_router(self) -> bool:
        """It is a gateway."""
        return self.kind is ProxyKind.ROUTER

    def is_older(self, istio: tuple[int, int], envoy: tuple[int, int]) -> bool:
        """Whether it is of a release before this one of Istio, or its Envoy before this one."""
        return bool(self.version and self.version < istio) or bool(self.envoy and self.envoy < envoy)

    @property
    def supports_ipv4(self) -> bool:
        """It has an IPv4 address."""
        return any(":" not in address for address in self.addresses)

    @property
    def supports_ipv6(self) -> bool:
        """It has an IPv6 address."""
        return any(":" in address for address in self.addresses)

    @property
    def wildcard(self) -> str:
        """The address that stands for all of its own: 0.0.0.0, or :: for one that has only IPv6."""
        return "0.0.0.0" if self.supports_ipv4 else "::"

    @property
    def localhost(self) -> str:
        """The loopback address of its family."""
        return "127.0.0.1" if self.supports_ipv4 else "::1"


def proxy(node: base_pb2.Node) -> Proxy:
    """The proxy that this Node describes; NodeError says why it is none."""
    kind, address, name, domain = identity(node.id)
    metadata = json_format.MessageToDict(node.metadata)
    namespace = str(metadata.get("NAMESPACE") or domain.split(".", 1)[0])
    return Proxy(
        kind=kind,
        id=name,
        name=str(metadata.get("NAME") or name.removesuffix(f".{namespace}")),
        namespace=namespace,
        dns_domain=domain,
        addresses=addresses(metadata.get("INSTANCE_IPS"), address),
        labels=strings(metadata.get("LABELS")),
        annotations=strings(metadata.get("ANNOTATIONS")),
        service_account=str(metadata.get("SERVICE_ACCOUNT") or ""),
        workload=str(metadata.get("WORKLOAD_NAME") or ""),
        locality=locality(node.locality),
        cluster=str(metadata.get("CLUSTER_ID") or ""),
        network=str(metadata.get("NETWORK") or ""),
        mesh_id=str(metadata.get("MESH_ID") or ""),
        node_cluster=node.cluster,
        node_name=str(metadata.get("NODE_NAME") or ""),
        interception=interception(metadata.get("INTERCEPTION_MODE")),
        istio_extensions=any(e.name == "istio.alpn" for e in node.extensions),
        proxy_config=proxy_config(metadata.get("PROXY_CONFIG")),
        http_proxy_port=whole_number(metadata.get("HTTP_PROXY_PORT")),
        unprivileged=truth(metadata.get("UNPRIVILEGED_POD")),
        dns_capture=truth(metadata.get("DNS_CAPTURE")),
        version=version(str(metadata.get("ISTIO_VERSION") or "")),
        envoy=envoy_version(node),
        metadata=metadata,
    )


def identity(node_id: str) -> tuple[ProxyKind, str, str, str]:
    """The four parts of a node id."""
    parts = node_id.split("~")
    if len(parts) != 4:
        raise NodeError(f"node id {node_id!r} is not KIND~ADDRESS~NAME.NAMESPACE~DNS-DOMAIN")
    if parts[0] not in (kind.value for kind in ProxyKind):
        raise NodeError(f"node id {node_id!r} begins with neither sidecar nor router")
    return ProxyKind(parts[0]), parts[1], parts[2], parts[3]


def addresses(instance_ips: Any, address: str) -> tuple[str, ...]:
    """The IP addresses of the workload: INSTANCE_IPS (comma-separated), or the one in the node id."""
    given = tuple(a.strip() for a in str(instance_ips or "").split(",") if is_address(a.strip()))
    if not given and is_address(address):
        given = (address,)
    if not given:
        raise NodeError("neither INSTANCE_IPS in the node's metadata nor its id has a valid IP address")
    return given


def is_address(text: str) -> bool:
    """Whether the text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def interception(value: Any) -> Interception:
    """The mode by its name; anything unknown is REDIRECT."""
    return Interception(value) if value in (mode.value for mode in Interception) else Interception.REDIRECT


def proxy_config(value: Any) -> str | None:
    """PROXY_CONFIG as canonical JSON. Even {} hides the mesh's defaultConfig; only null does not."""
    if value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def locality(place: base_pb2.Locality) -> str:
    """region/zone/sub-zone, without the empty parts at the end."""
    return f"{place.region}/{place.zone}/{place.sub_zone}".rstrip("/")


def version(text: str) -> tuple[int, ...]:
    """ISTIO_VERSION as numbers; () when it is not MAJOR.MINOR[.PATCH]."""
    numbers = text.split("-", 1)[0].split(".")
    return tuple(int(n) for n in numbers) if all(n.isdecimal() for n in numbers) else ()


def envoy_version(node: base_pb2.Node) -> tuple[int, ...]:
    """The version an Envoy is built as."""
    if not node.user_agent_build_version.HasField("version"):
        return ()
    built = node.user_agent_build_version.version
    return (built.major_number, built.minor_number)


def strings(value: Any) -> dict[str, str]:
    """A map of texts out of a JSON object."""
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}


def truth(value: Any) -> bool:
    """A boolean that may have come as text."""
    return value is True or str(value).lower() in ("true", "1")


def whole_number(value: Any) -> int:
    """A number that may have come as text; 0 when it is none."""
    text = str(value).removesuffix(".0")
    return int(text) if text.isdecimal() else 0
