"""What the debug pages show, as JSON, in the shape of istiod's pages; read from the connections only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf import json_format

from miniistiod.server.connections import Connection, Connections
from miniistiod.server.messages import UnknownMessage, opened
from miniistiod.xds.resource import Resource
from miniistiod.xds.state import TypeState
from miniistiod.xds.type_rules import CDS, ECDS, EDS, LDS, RDS, SDS

Json = dict[str, Any]

SYNCZ = {CDS: "cluster", LDS: "listener", RDS: "route", EDS: "endpoint", ECDS: "extensionconfig"}
"""The prefixes of istiod's flat fields, `cluster_sent` and `cluster_acked`."""


def timestamp(seconds: float) -> str:
    """RFC 3339, as Go writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def syncz(connections: Connections) -> list[Json]:
    """How far each proxy is, for each type it asked for."""
    return [sync_status(c) for c in connections]


def sync_status(connection: Connection) -> Json:
    """One proxy. Besides istiod's fields: `protocol`, `connected`, `pending_since` (the time
    of a change it does not have yet), and for each type its status, the versions
    (they belong to the content) and the NACK.
    """
    metadata = json_format.MessageToDict(connection.node.metadata)
    states: dict[str, TypeState] = connection.session.states
    flat: dict[str, str] = {}
    for url, prefix in SYNCZ.items():
        if url in states:
            book = states[url].book
            flat |= {f"{prefix}_sent": book.sent_nonce, f"{prefix}_acked": book.acked_nonce}
    return {
        "cluster_id": metadata.get("CLUSTER_ID", ""),
        "proxy": connection.node.id,
        "proxy_type": connection.node.id.partition("~")[0],
        "istio_version": metadata.get("ISTIO_VERSION", ""),
        "protocol": connection.dialect.name,
        "connected": timestamp(connection.since),
        **{k: v for k, v in flat.items() if v},
        **({"pending_since": timestamp(connection.changed_at)} if connection.changed_at else {}),
        "resources": {url: type_status(state) for url, state in states.items()},
    }


def type_status(state: TypeState) -> Json:
    """One type of one proxy."""
    book = state.book
    shown: Json = {"type": state.rules.name, "status": state.status}
    if book.sent_nonce:
        shown |= {"sent": book.sent_nonce, "sentVersion": book.sent_version}
        shown["sentTime"] = timestamp(book.sent_time)
    if book.acked_nonce:
        shown |= {"acked": book.acked_nonce, "ackedVersion": book.acked_version}
        shown["ackedTime"] = timestamp(book.acked_time)
    if book.rejected is not None:
        shown |= {"lastError": book.rejected.reason, "rejectedVersion": book.rejected.version}
        shown |= {"rejected": sorted(book.rejected.culprits), "rejectedTime": timestamp(book.rejected.time)}
    return shown


def clients(connections: Connections) -> Json:
    """Who is connected, and what each one watches."""
    return {"totalClients": len(connections), "clients": [client(c) for c in connections]}


def client(connection: Connection) -> Json:
    """One stream."""
    watches = {
        url: sorted(s.subscription.names | ({"*"} if s.subscription.wildcard else set()))
        for url, s in connection.session.states.items()
    }
    metadata = json_format.MessageToDict(connection.node.metadata)
    return {
        "connectionId": connection.id,
        "connectedAt": timestamp(connection.since),
        "address": connection.peer,
        "protocol": connection.dialect.name,
        "identity": str(connection.identity) if connection.identity is not None else None,
        "labels": metadata.get("LABELS", {}),
        "metadata": metadata,
        "watches": watches,
    }


DUMP = (
    ("Clusters", CDS, "dynamicActiveClusters", "cluster", None),
    ("Endpoints", EDS, "dynamicEndpointConfigs", "endpointConfig", None),
    ("Listeners", LDS, "dynamicListeners", "listener", "activeState"),
    ("Routes", RDS, "dynamicRouteConfigs", "routeConfig", None),
    ("Secrets", SDS, "dynamicActiveSecrets", "secret", None),
    ("Ecds", ECDS, "ecdsFilters", "ecdsFilter", None),
)
"""Section of Envoy's dump, type, its list, the field of a resource, and the field around that."""


@dataclass(frozen=True, slots=True)
class Offers:
    """What a proxy has of each type URL, sorted by name, and the names of secrets that it waits for."""

    by_url: dict[str, list[Resource]]
    awaited: list[str]


def offers(streams: list[Connection]) -> Offers:
    """What a proxy has of each type, by all its streams: Envoy asks for its own secrets on another."""
    by_url = {url: offered(streams, url) for _, url, *_ in DUMP}
    states = (each.session.states.get(SDS) for each in streams)
    asked = {name for state in states if state is not None for name in state.subscription.names}
    return Offers(by_url, sorted(asked - {each.name for each in by_url[SDS]}))


def offered(streams: list[Connection], url: str) -> list[Resource]:
    """What these streams subscribe to of a type; all of it when none has asked yet.

    Of secrets nothing then: they are made when they are asked for.
    """
    asking = [each for each in streams if url in each.session.states]
    found: dict[str, Resource] = {}
    for each in asking or (streams[:1] if url != SDS else ()):
        state = each.session.states.get(url)
        for part in each.snapshot.resources(url):
            found |= {n: r for n, r in part.items() if state is None or state.subscription.covers(n)}
    return [found[name] for name in sorted(found)]


def config_dump(offers: Offers) -> Json:
    """All resources of one proxy in the form of Envoy's own `/config_dump`; private keys are left out."""
    configs = []
    for section, url, field, inner, around in DUMP:
        entries = [entry(url, r, inner, around) for r in offers.by_url[url]]
        configs.append({"@type": f"type.googleapis.com/envoy.admin.v3.{section}ConfigDump", field: entries})
        if url == SDS:
            awaited = [{"name": name, inner: {"@type": url, "name": name}} for name in offers.awaited]
            configs[-1]["dynamicWarmingSecrets"] = awaited
    return {"configs": configs}


def entry(url: str, resource: Resource, inner: str, around: str | None) -> Json:
    """One resource with its version."""
    shown: Json = {"versionInfo": resource.version, inner: shown_resource(url, resource.body)}
    if resource.origins:
        shown["origins"] = [str(getattr(origin, "origin", origin)) for origin in resource.origins]
    return {"name": resource.name, around: shown} if around else shown


def shown_resource(url: str, body: bytes) -> Json:
    """A resource with every Any opened, or why it cannot be read."""
    try:
        shown = opened(url, body)
    except UnknownMessage as error:
        return {"@type": url, "unreadable": str(error)}
    return hidden(shown) if url == SDS else shown


def hidden(secret: Json) -> Json:
    """A secret without its private key, as Envoy shows it."""
    if "privateKey" in secret.get("tlsCertificate", {}):
        secret["tlsCertificate"]["privateKey"] = {"inlineBytes": "W3JlZGFjdGVkXQ=="}
    return secret
