"""Connected proxies as endpoints: who is there counts, not when or how often each has connected."""

from __future__ import annotations

import pytest
from envoy.config.core.v3.base_pb2 import Node
from google.protobuf import json_format

from miniistiod.app.mesh_source import MeshSource
from miniistiod.config import of_text
from miniistiod.mesh.kept import MEMORY
from miniistiod.xds.type_rules import CDS, EDS, LDS, RDS

SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  clusterIP: 10.96.0.1
  selector: {app: web}
  ports: [{name: http, port: 80}]
"""
CLUSTER = "outbound|80||web.default.svc.cluster.local"


def node(number: int) -> Node:
    """The Node of one of several workloads behind the service."""
    identity = f"sidecar~10.0.0.{number}~web-{number}.default~default.svc.cluster.local"
    metadata = {"LABELS": {"app": "web"}, "NAMESPACE": "default", "NAME": f"web-{number}"}
    return json_format.ParseDict({"id": identity, "metadata": metadata}, Node())


def endpoints(*connecting: int) -> bytes:
    """What these workloads are told of the service once they have connected, one stream after the other, and
    the configuration has changed after that."""
    source, streams = MeshSource(), [node(number) for number in connecting]
    source.update(of_text(SERVICE))
    for each in streams:
        source.connected(each)
        source.snapshot(each)
    source.update(of_text(SERVICE + "\n---\n" + SERVICE.replace("web", "other").replace("0.1", "0.2")))
    (found,) = [part[CLUSTER] for part in source.snapshot(streams[0]).resources(EDS) if CLUSTER in part]
    return found.body


@pytest.mark.parametrize("order", [(1, 3, 2), (3, 2, 1), (1, 2, 3, 1), (2, 1, 3, 2, 1)])
def test_the_order_of_connections_changes_no_endpoints(order: tuple[int, ...]) -> None:
    assert endpoints(*order) == endpoints(1, 2, 3)


def test_each_workload_is_an_endpoint_once() -> None:
    body = endpoints(1, 2, 1)
    assert [body.count(f"10.0.0.{number}".encode()) for number in (1, 2, 3)] == [1, 1, 0]


def test_what_was_made_for_a_proxy_goes_with_it_and_nothing_that_others_have() -> None:
    source, stays, leaves = MeshSource(), node(1), node(2)
    leaves.metadata["LABELS"] = {"app": "web", "service.istio.io/canonical-name": "another"}
    source.update(of_text(SERVICE))
    source.connected(stays)
    before = {url: source.snapshot(stays).resources(url) for url in (CDS, EDS, LDS, RDS)}
    source.forget_departed()
    alone = set(MEMORY.entries)
    source.connected(leaves)
    for url in before:
        assert source.snapshot(leaves).resources(url)
    assert len(MEMORY.entries) > len(alone)
    source.disconnected(leaves)
    source.forget_departed()
    assert set(MEMORY.entries) == alone
    assert source.snapshot(stays).resources(LDS) is before[LDS]
