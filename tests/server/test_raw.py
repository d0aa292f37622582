"""Raw Envoy resources, written as YAML, through the protocol."""

from __future__ import annotations

import pytest
from envoy.config.cluster.v3 import cluster_pb2

from miniistiod.server.messages import UnknownMessage
from miniistiod.server.raw import raw_source
from miniistiod.xds.type_rules import CDS, EDS, LDS

TEXT = """
resources:
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: a
  type: EDS
  connect_timeout: 2s
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: b
  type: EDS
  eds_cluster_config: {service_name: b-service}
---
"@type": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment
cluster_name: a
---
resources:
- "@type": type.googleapis.com/envoy.config.listener.v3.Listener
  name: l
  filter_chains:
  - filters:
    - name: f
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo
"""


def resources(source, type_url):
    return {n: r for part in source.snapshot(None).resources(type_url) for n, r in part.items()}


def test_resources_by_type_and_name():
    source = raw_source(TEXT)
    clusters = resources(source, CDS)
    assert {n: r.needs for n, r in clusters.items()} == {"a": ("a",), "b": ("b-service",)}
    assert cluster_pb2.Cluster.FromString(clusters["a"].body).connect_timeout.seconds == 2
    assert list(resources(source, EDS)) == ["a"]
    assert list(resources(source, LDS)) == ["l"]


def test_what_is_no_longer_written_is_gone_and_what_stayed_is_the_same():
    source = raw_source(TEXT)
    before = resources(source, EDS)
    raw_source(TEXT.partition("---")[2], source)
    assert resources(source, CDS) == {}
    assert resources(source, EDS) == before


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('"@type": type.googleapis.com/no.such.Thing', "no.such.Thing"),
        ('"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster\nnane: a', "nane"),
    ],
)
def test_what_is_no_resource_is_refused_with_its_name(text, fault):
    with pytest.raises(UnknownMessage, match=fault):
        raw_source(text)
