"""Every reference case through a real server and a gRPC client: State-of-the-World and Delta say the same."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Iterable
from typing import Any

import grpc
import pytest
from envoy.service.discovery.v3 import discovery_pb2 as xds

from miniistiod.app.mesh_source import MeshSource
from miniistiod.config import of_text
from miniistiod.server.server import AdsServer
from tests.parity import nodes, reference
from tests.parity.dump import dump, opened
from tests.parity.test_parity import faults

SERVICE = "/envoy.service.discovery.v3.AggregatedDiscoveryService/"
SECONDS = 60


class Client:
    """One ADS stream that asks for types one after the other and acknowledges what it gets."""

    def __init__(self, address: str, node: Any, delta: bool) -> None:
        self.delta, self.node = delta, node
        self.asked: queue.Queue[bytes | None] = queue.Queue()
        self.channel = grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", -1)])
        method = "DeltaAggregatedResources" if delta else "StreamAggregatedResources"
        self.answers = self.channel.stream_stream(SERVICE + method)(
            iter(self.asked.get, None), timeout=SECONDS
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.asked.put(None)
        self.channel.close()

    def request(self, **fields: Any) -> None:
        """Send a request; the first one says who asks."""
        request = xds.DeltaDiscoveryRequest(**fields) if self.delta else xds.DiscoveryRequest(**fields)
        if self.node is not None:
            request.node.CopyFrom(self.node)
            self.node = None
        self.asked.put(request.SerializeToString())

    def resources(self, url: str, names: Iterable[str] | None) -> dict[str, bytes]:
        """The resources of a type; of all, or of those that are asked for by name."""
        wanted = sorted(names or [])
        if names is not None and not wanted:
            return {}
        self.request(type_url=url, **{"resource_names_subscribe" if self.delta else "resource_names": wanted})
        for data in self.answers:
            answer = (
                xds.DeltaDiscoveryResponse.FromString(data)
                if self.delta
                else xds.DiscoveryResponse.FromString(data)
            )
            acked = {} if self.delta else {"version_info": answer.version_info, "resource_names": wanted}
            self.request(type_url=answer.type_url, response_nonce=answer.nonce, **acked)
            if answer.type_url == url:
                return self.bodies(answer)
        raise AssertionError("the stream ended")

    def bodies(self, answer: Any) -> dict[str, bytes]:
        """The resources of an answer by name; State-of-the-World tells the names only inside."""
        if self.delta:
            return {r.name: r.resource.value for r in answer.resources}
        trees = ((opened(a.type_url, a.value), a.value) for a in answer.resources)
        return {tree.get("name") or tree["cluster_name"]: value for tree, value in trees}


async def walked(name: str, delta: bool) -> list[str]:
    """The differences of all proxies of a case."""
    path = reference.case_file(name)
    source = MeshSource(secrets=False)
    source.update(of_text(path.read_text(), str(path)))
    server = AdsServer(source, connected=source.connected, disconnected=source.disconnected)
    server.listen("127.0.0.1:0")
    await server.start()
    server.source_changed()
    found = []
    try:
        for key, pod in nodes.pods(path).items():
            given = await asyncio.to_thread(asked, f"127.0.0.1:{server.ports[0]}", nodes.node(pod), delta)
            found += [f"{key} {fault}" for fault in faults(reference.expected(name)[key], given)]
    finally:
        await server.stop(0)
    return found


def asked(address: str, node: Any, delta: bool) -> Any:
    """What one proxy gets."""
    with Client(address, node, delta) as client:
        return dump(client.resources)


@pytest.mark.parametrize("name", reference.names())
@pytest.mark.parametrize("protocol", ["sotw", "delta"])
def test_case(name: str, protocol: str) -> None:
    assert asyncio.run(walked(name, protocol == "delta")) == []
