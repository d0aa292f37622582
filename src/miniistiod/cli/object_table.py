"""Objects as kubectl's plain tables: one for each kind, with the columns that its CRD asks for."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from miniistiod.cli.tables import columns
from miniistiod.lab.store import Document, kind_of

Column = Callable[[Document], str]


def field(*path: str, default: str = "") -> Column:
    """A column that shows the text under a path."""
    return lambda document: str(under(document, path) or default)


def listed(*path: str) -> Column:
    """A column that shows a list."""

    def column(document: Document) -> str:
        found = under(document, path)
        return "" if found is None else json.dumps(found)

    return column


def under(document: Document, path: tuple[str, ...]) -> Any:
    """What stands under a path; None for nothing."""
    found: Any = document
    for key in path:
        found = (found or {}).get(key)
    return found


def condition(kind: str) -> Column:
    """A column that shows the status of one condition."""

    def column(document: Document) -> str:
        conditions = under(document, ("status", "conditions")) or ()
        return next((each["status"] for each in conditions if each["type"] == kind), "")

    return column


def address(document: Document) -> str:
    """The first address of a Gateway."""
    return next((str(each["value"]) for each in under(document, ("status", "addresses")) or ()), "")


def ports(document: Document) -> str:
    """80:30080/TCP,443/TCP"""
    return ",".join(
        f"{p['port']}{':' + str(p['nodePort']) if 'nodePort' in p else ''}/{p.get('protocol', 'TCP')}"
        for p in under(document, ("spec", "ports")) or ()
    )


HOSTNAMES = {"HOSTNAMES": listed("spec", "hostnames")}
COLUMNS: dict[str, dict[str, Column]] = {
    "VirtualService": {"GATEWAYS": listed("spec", "gateways"), "HOSTS": listed("spec", "hosts")},
    "DestinationRule": {"HOST": field("spec", "host")},
    "ServiceEntry": {
        "HOSTS": listed("spec", "hosts"),
        "LOCATION": field("spec", "location"),
        "RESOLUTION": field("spec", "resolution"),
    },
    "Service": {
        "TYPE": field("spec", "type", default="ClusterIP"),
        "CLUSTER-IP": field("spec", "clusterIP", default="<none>"),
        "PORT(S)": ports,
    },
    "Pod": {
        "READY": field("status", "ready"),
        "STATUS": field("status", "phase"),
        "RESTARTS": field("status", "restarts", default="0"),
        "IP": field("status", "podIP"),
    },
    "PeerAuthentication": {"MODE": field("spec", "mtls", "mode")},
    "AuthorizationPolicy": {"ACTION": field("spec", "action")},
    "GatewayClass": {"CONTROLLER": field("spec", "controllerName"), "ACCEPTED": condition("Accepted")},
    "Gateway.gateway.networking.k8s.io": {
        "CLASS": field("spec", "gatewayClassName"),
        "ADDRESS": address,
        "PROGRAMMED": condition("Programmed"),
    },
    "HTTPRoute": HOSTNAMES,
    "GRPCRoute": HOSTNAMES,
    "TLSRoute": HOSTNAMES,
}
"""kubectl's own columns of a kind, by its Kind.id, between NAME and AGE."""


def tables(found: list[Document], word_of: Callable[[str], str], with_namespace: bool) -> str:
    """One table for each kind. Several have the word for the kind before each name."""
    present = list(dict.fromkeys(kind_of(document) for document in found))
    return "\n\n".join(
        table(
            [document for document in found if kind_of(document) == kind],
            COLUMNS.get(kind, {}),
            f"{word_of(kind)}/" if len(present) > 1 else "",
            with_namespace,
        )
        for kind in present
    )


def table(found: list[Document], own: dict[str, Column], prefix: str, with_namespace: bool) -> str:
    """The objects of one kind."""
    rows = [[*(["NAMESPACE"] if with_namespace else []), "NAME", *own, "AGE"]]
    for document in found:
        metadata = document["metadata"]
        place = [metadata.get("namespace", "")] if with_namespace else []
        values = [column(document) for column in own.values()]
        rows.append([*place, prefix + metadata["name"], *values, age(metadata)])
    return "\n".join(line.plain for line in columns(rows))


def age(metadata: dict[str, Any]) -> str:
    """5s, 12m, 3h, 2d; "" for an object that does not tell."""
    try:
        made = datetime.fromisoformat(str(metadata["creationTimestamp"]).replace("Z", "+00:00"))
    except (KeyError, ValueError):
        return ""
    seconds = int((datetime.now(UTC) - made).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
