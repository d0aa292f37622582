"""Envoy resources as YAML, in the form of Envoy's own files, → a source: to teach and to test the protocol.

resources:
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: reviews
  type: STATIC
"""

from __future__ import annotations

from typing import Any

import yaml
from google.protobuf.message import Message

from miniistiod.server.messages import Json, UnknownMessage, parsed
from miniistiod.xds.resource import Resource, resource
from miniistiod.xds.static import StaticSource
from miniistiod.xds.type_rules import CDS, PREFIX


def raw_source(text: str, source: StaticSource | None = None) -> StaticSource:
    """A source of the resources in these documents, or a given one with all of its resources replaced.

    Raises UnknownMessage for what is no Envoy message, yaml.YAMLError for what is no YAML.
    """
    source = source or StaticSource()
    found: dict[str, list[Resource]] = {url: [] for url in source.types}
    for document in yaml.safe_load_all(text):
        for item in documents_in(document):
            message = parsed(item)
            url = PREFIX + message.DESCRIPTOR.full_name
            found.setdefault(url, []).append(raw_resource(url, message))
    for url, resources in found.items():
        source.put(url, resources)
    return source


def documents_in(document: Any) -> list[Json]:
    """The resources of one document: a list under `resources`, or the document itself."""
    if not document:
        return []
    if not isinstance(document, dict):
        raise UnknownMessage('begin with `resources:`, or with "@type" and a resource')
    return list(document["resources"] or ()) if "resources" in document else [document]


def raw_resource(url: str, message: Any) -> Resource:
    """A message under its name, with what it asks its client to fetch over ADS."""
    name = message.cluster_name if "cluster_name" in message.DESCRIPTOR.fields_by_name else message.name
    body = message.SerializeToString(deterministic=True)
    return resource(name, body, needs_of(url, message))


def needs_of(url: str, message: Message) -> tuple[str, ...]:
    """The endpoints of a cluster; nothing for other types, since only clusters are waited for."""
    cluster: Any = message
    if url != CDS or cluster.type != cluster.EDS:
        return ()
    return (cluster.eds_cluster_config.service_name or cluster.name,)
