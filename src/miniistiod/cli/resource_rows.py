"""Envoy resources as JSON → the rows of istioctl's tables."""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from miniistiod.vocab.sds import CA_SUFFIX

Json = dict[str, Any]
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """A table: its head, and the rows that one resource gives."""

    titles: Row
    cells: Callable[[Json], Iterable[Row]]


def istio_config(resource: Json) -> str:
    """`reviews.default`: the Istio object that the resource's metadata names."""
    path = resource.get("metadata", {}).get("filterMetadata", {}).get("istio", {}).get("config", "")
    parts = path.split("/")
    return f"{parts[-1]}.{parts[-3]}" if len(parts) > 3 else ""


def cluster_rows(cluster: Json) -> Iterator[Row]:
    """One row: the parts of the name, how endpoints are found, and the DestinationRule."""
    parts = cluster["name"].split("|")
    direction, port, subset, host = parts if len(parts) == 4 else ("-", "-", "-", cluster["name"])
    kind = cluster.get("clusterType", {}).get("name") or cluster.get("type", "STATIC")
    yield host or "", port, subset or "-", direction, kind, istio_config(cluster)


def endpoint_rows(assignment: Json) -> Iterator[Row]:
    """A row for each endpoint; one that says so for a cluster without any."""
    name = assignment["clusterName"]
    found = [e for group in assignment.get("endpoints", ()) for e in group.get("lbEndpoints", ())]
    for each in found:
        yield (
            socket_of(each["endpoint"]["address"]),
            each.get("healthStatus", "UNKNOWN"),
            str(each.get("loadBalancingWeight", "")),
            name,
        )
    if not found:
        yield "(none: requests get 503 UH)", "", "", name


def socket_of(address: Json) -> str:
    """ADDRESS:PORT, a path, or the name of an internal listener."""
    socket = address.get("socketAddress")
    if socket:
        return f"{socket['address']}:{socket.get('portValue', 0)}"
    return str(
        address.get("pipe", {}).get("path")
        or address.get("envoyInternalAddress", {}).get("serverListenerName", "")
    )


def route_rows(table: Json) -> Iterator[Row]:
    """A row for each route of each virtual host."""
    for host in table.get("virtualHosts", ()):
        domains = sorted(host.get("domains", []), key=lambda name: (not re.search("[a-z*]", name), len(name)))
        shown = ", ".join(domains[:2]) + (f" + {len(domains) - 2} more" if len(domains) > 2 else "")
        for route in host.get("routes", ()):
            to = (match_of(route.get("match", {})), istio_config(route), target_of(route))
            yield table["name"], host["name"], shown, *to
        if not host.get("routes"):
            yield table["name"], host["name"], shown, "/*", "404", ""


def with_missing(table: Json, clusters: Collection[str]) -> Json:
    """A route table in which each cluster that the proxy does not have says so, and what a caller sees."""
    told = copy.deepcopy(table)
    for host in told.get("virtualHosts", ()):
        for action in (route.get("route", {}) for route in host.get("routes", ())):
            for each in (action, *action.get("weightedClusters", {}).get("clusters", ())):
                key = "cluster" if each is action else "name"
                if each.get(key, next(iter(clusters), "")) not in clusters:
                    each[key] += " (no such cluster: 503 NC)"
    return told


def match_of(match: Json) -> str:
    """The path of a match, and how many further conditions it has."""
    split = match.get("pathSeparatedPrefix")
    path = (
        f"{split}(/*)" if split else match.get("path") or (f"{match['prefix']}*" if "prefix" in match else "")
    )
    path = path or match.get("safeRegex", {}).get("regex", "")
    more = [h["name"] for h in match.get("headers", ())] + [
        q["name"] for q in match.get("queryParameters", ())
    ]
    return f"{path} {' '.join(f'[{name}]' for name in more)}".strip()


def target_of(route: Json) -> str:
    """Where a route leads."""
    if "redirect" in route:
        return "(redirect)"
    if "directResponse" in route:
        return f"(status {route['directResponse'].get('status')})"
    action = route.get("route", {})
    split = action.get("weightedClusters", {}).get("clusters", ())
    if split:
        return ", ".join(f"{c['name']} {c.get('weight', 0)}" for c in split)
    return str(action.get("cluster", action.get("clusterHeader", "")))


def listener_rows(listener: Json) -> Iterator[Row]:
    """A row for each filter chain."""
    socket = listener.get("address", {}).get("socketAddress", {})
    where = socket.get("address", ""), str(socket.get("portValue", ""))
    chains = [
        *listener.get("filterChains", ()),
        *([listener["defaultFilterChain"]] if "defaultFilterChain" in listener else []),
    ]
    for chain in chains:
        yield *where, chain_match(chain.get("filterChainMatch", {})), chain_target(chain)


def chain_match(match: Json) -> str:
    """When Envoy takes a chain."""
    words = []
    if match.get("serverNames"):
        words.append("SNI: " + ",".join(match["serverNames"]))
    if match.get("transportProtocol"):
        words.append(f"Trans: {match['transportProtocol']}")
    if match.get("applicationProtocols"):
        words.append("App: " + ",".join(match["applicationProtocols"]))
    if match.get("prefixRanges"):
        words.append(
            "Addr: "
            + ",".join(f"{r['addressPrefix']}/{r.get('prefixLen', 0)}" for r in match["prefixRanges"])
        )
    if match.get("destinationPort"):
        words.append(f"Port: {match['destinationPort']}")
    return "; ".join(words) or "ALL"


def chain_target(chain: Json) -> str:
    """Where a chain leads: a route table, the routes inside, or a cluster."""
    for each in chain.get("filters", ()):
        config = each.get("typedConfig", {})
        if "rds" in config:
            return f"Route: {config['rds']['routeConfigName']}"
        if "routeConfig" in config:
            return f"Inline Route: {config['routeConfig'].get('name', '')}"
        if "weightedClusters" in config:
            return "Clusters: " + ", ".join(c["name"] for c in config["weightedClusters"]["clusters"])
        if "cluster" in config:
            return f"Cluster: {config['cluster']}"
    return ""


def secret_rows(secret: Json) -> Iterator[Row]:
    """The leaf of a certificate, or the first of several roots; a secret that is not there yet is warming."""
    chain = secret.get("tlsCertificate", {}).get("certificateChain", {}).get("inlineBytes", "")
    roots = secret.get("validationContext", {}).get("trustedCa", {}).get("inlineBytes", "")
    found = x509.load_pem_x509_certificates(base64.b64decode(chain or roots)) if chain or roots else []
    name = secret.get("name", "")
    kind = "CA" if roots or name.endswith(CA_SUFFIX) else "Cert Chain"
    if not found:
        yield name, kind, "ACTIVE" if chain or roots else "WARMING", "false", "", "", ""
    for each in found[:1]:
        since, until = each.not_valid_before_utc, each.not_valid_after_utc
        valid = since <= datetime.now(UTC) < until
        times = (moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in (until, since))
        yield name, kind, "ACTIVE", str(valid).lower(), f"{each.serial_number:x}", *times


def extension_rows(extension: Json) -> Iterator[Row]:
    """The name of an extension's configuration, and what kind of filter it is."""
    yield extension.get("name", ""), extension.get("typedConfig", {}).get("@type", "").rpartition("/")[2]


CLUSTERS = Rows(("SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE"), cluster_rows)
LISTENERS = Rows(("ADDRESSES", "PORT", "MATCH", "DESTINATION"), listener_rows)
ROUTES = Rows(("NAME", "VHOST NAME", "DOMAINS", "MATCH", "VIRTUAL SERVICE", "TARGET"), route_rows)
ENDPOINTS = Rows(("ENDPOINT", "STATUS", "WEIGHT", "CLUSTER"), endpoint_rows)
SECRETS = Rows(
    ("RESOURCE NAME", "TYPE", "STATUS", "VALID CERT", "SERIAL NUMBER", "NOT AFTER", "NOT BEFORE"), secret_rows
)
EXTENSIONS = Rows(("NAME", "TYPE"), extension_rows)
