"""A workload: what runs behind an address, told by a Pod, a WorkloadEntry, or a proxy that has connected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from miniistiod.config.objects import Object


class WorkloadSource(Enum):
    """What told us. An address that a POD or an ENTRY has is not registered again by its PROXY."""

    POD = "Pod"
    ENTRY = "WorkloadEntry"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """One running instance. Equal only to itself; the same object until what told us changes.

    `name` is that of the Pod, the WorkloadEntry or the proxy; `workload` that of what it belongs to (its
    Deployment). `service_account` is the bare name ("" when unknown). `port_names` gives the number of a
    container port or of a WorkloadEntry's port by its name. `tls_mode` is "istio" or "disabled".
    `ready` is None for a Pod that says nothing of it. `hostname` is HOST.SUBDOMAIN, its name in the DNS.
    """

    source: WorkloadSource
    name: str
    namespace: str
    addresses: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    service_account: str = ""
    workload: str = ""
    port_names: Mapping[str, int] = field(default_factory=dict)
    locality: str = ""
    network: str = ""
    cluster: str = ""
    node: str = ""
    hostname: str = ""
    weight: int = 0
    tls_mode: str = "disabled"
    ready: bool | None = True
    origin: Object[Any] | None = None

    @property
    def has_ip(self) -> bool:
        """Whether its address is an IP address, not a name or a Unix socket."""
        address = self.addresses[0]
        return address.replace(".", "").isdecimal() or (":" in address and not address.startswith("unix:"))
