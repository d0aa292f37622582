"""The types of resources as a table: how each may be asked for, how it is answered and what it waits for.

The order of the table is the order of pushes. Nothing else in the protocol knows one type from another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment

PREFIX = "type.googleapis.com/"
CDS = PREFIX + "envoy.config.cluster.v3.Cluster"
EDS = PREFIX + "envoy.config.endpoint.v3.ClusterLoadAssignment"
LDS = PREFIX + "envoy.config.listener.v3.Listener"
RDS = PREFIX + "envoy.config.route.v3.RouteConfiguration"
SDS = PREFIX + "envoy.extensions.transport_sockets.tls.v3.Secret"
ECDS = PREFIX + "envoy.config.core.v3.TypedExtensionConfig"
NDS = PREFIX + "istio.networking.nds.v1.NameTable"


def no_endpoints(name: str) -> bytes:
    """An assignment without endpoints: it tells Envoy that there are none, so that it stops waiting."""
    return bytes(ClusterLoadAssignment(cluster_name=name).SerializeToString())


@dataclass(frozen=True, slots=True)
class TypeRules:
    """How one type behaves. The defaults are those of a type that only its source knows.

    wildcard: a client that never named anything gets everything ("For historical reasons ... the server
        should treat that identically to ... explicitly subscribed to '*'").
    full_state: State-of-the-World responses hold everything ("the server must include the complete state
        of the world").
    after: pushes of these types go first. awaits: and these must be acknowledged as well.
    removed_after: removals wait until pushes of these types are acknowledged ("Stale CDS clusters and
        related EDS endpoints (ones no longer being referenced) can then be removed").
    needs: the type that `Resource.needs` refers to; it is sent again behind a changed resource.
    removal: whether a deletion is told while the client still subscribes.
    missing: what a name that does not exist is answered with, instead of the protocol's own way.
    offered: a type in this table; a client that asks for another one is told at once that it is empty.
    """

    url: str
    name: str
    wildcard: bool = True
    full_state: bool = False
    after: tuple[str, ...] = ()
    awaits: tuple[str, ...] = ()
    removed_after: tuple[str, ...] = ()
    needs: str = ""
    removal: bool = True
    missing: Callable[[str], bytes] | None = None
    offered: bool = True


TYPES = (
    # "CDS updates (if any) must always be pushed first."
    TypeRules(CDS, "CDS", full_state=True, needs=EDS, removed_after=(LDS, RDS)),
    # "EDS updates (if any) must arrive after CDS updates for the respective clusters."
    TypeRules(EDS, "EDS", wildcard=False, after=(CDS,), removed_after=(LDS, RDS, CDS), missing=no_endpoints),
    # "LDS updates must arrive after corresponding CDS/EDS updates."
    TypeRules(LDS, "LDS", full_state=True, after=(CDS, EDS), awaits=(CDS,)),
    # "RDS updates related to the newly added listeners must arrive after CDS/EDS/LDS updates."
    TypeRules(RDS, "RDS", wildcard=False, after=(CDS, EDS, LDS), awaits=(CDS,)),
    TypeRules(SDS, "SDS", wildcard=False),
    # Envoy takes a removed extension out of a listener that still names it (envoy#32823).
    TypeRules(ECDS, "ECDS", wildcard=False, removal=False),
    # Asked for by Istio's agent, not by Envoy: one resource without a name.
    TypeRules(NDS, "NDS", full_state=True),
)
BY_URL = {rules.url: rules for rules in TYPES}
ORDER = {rules.url: place for place, rules in enumerate(TYPES)}


def rules_of(url: str) -> TypeRules:
    """The rules of a type; a type that is not in the table may still be known to the source."""
    return BY_URL.get(url) or TypeRules(url, url.rpartition(".")[2], offered=False)
