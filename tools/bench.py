"""Time a mesh of services x endpoints x sidecars: load, connect, a changed weight, a new endpoint.

The server runs as a process of its own; all sidecars connect from this one over loopback by Delta ADS, as
Envoy does. Then each side is doubled: a change should cost what changed, not mesh x proxies.
Times are noisy: compare rows of one run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import grpc
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import Node
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse
from google.protobuf import json_format
from rich.console import Console
from rich.table import Table

METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
PREFIX = "type.googleapis.com/envoy.config."
CDS, EDS = PREFIX + "cluster.v3.Cluster", PREFIX + "endpoint.v3.ClusterLoadAssignment"
LDS, RDS = PREFIX + "listener.v3.Listener", PREFIX + "route.v3.RouteConfiguration"
PORT = 9080
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 120.0
"""Seconds after which a step counts as failed."""


@dataclass
class Mesh:
    """The YAML of a mesh: for each service its rules in one file and its endpoints in another."""

    folder: Path
    services: int
    endpoints: int
    sidecars: int

    def write(self) -> None:
        """All files."""
        for i in range(self.services):
            (self.folder / f"svc-{i}.yaml").write_text("---\n".join((service(i), rules(i, 50))))
            (self.folder / f"endpoints-{i}.yaml").write_text(slice_of(i, self.endpoints))

    def change_weight(self, weight: int) -> None:
        """Another split for one service."""
        replaced(self.folder / "svc-0.yaml", "---\n".join((service(0), rules(0, weight))))

    def add_endpoint(self, count: int) -> None:
        """More endpoints for one service."""
        replaced(self.folder / "endpoints-0.yaml", slice_of(0, self.endpoints + count))


def replaced(path: Path, text: str) -> None:
    """Write a file as editors do: a new one in its place."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def service(i: int) -> str:
    """A Service."""
    return f"""apiVersion: v1
kind: Service
metadata: {{name: svc-{i}, namespace: default, labels: {{app: svc-{i}}}}}
spec:
  clusterIP: 10.96.{i // 250}.{i % 250 + 1}
  ports: [{{name: http, port: {PORT}, targetPort: {PORT}}}]
  selector: {{app: svc-{i}}}
"""


def rules(i: int, weight: int) -> str:
    """A DestinationRule with two subsets, and a VirtualService that splits between them."""
    return f"""apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: svc-{i}, namespace: default}}
spec:
  host: svc-{i}
  subsets: [{{name: v1, labels: {{version: v1}}}}, {{name: v2, labels: {{version: v2}}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: svc-{i}, namespace: default}}
spec:
  hosts: [svc-{i}]
  http:
  - route:
    - {{destination: {{host: svc-{i}, subset: v1}}, weight: {weight}}}
    - {{destination: {{host: svc-{i}, subset: v2}}, weight: {100 - weight}}}
"""


def slice_of(i: int, count: int) -> str:
    """An EndpointSlice and the Pods behind it."""
    addresses = [f"10.{1 + i // 250}.{i % 250}.{n + 1}" for n in range(count)]
    pods = "".join(
        f"""---
apiVersion: v1
kind: Pod
metadata: {{name: svc-{i}-{n}, namespace: default, labels: {{app: svc-{i}, version: v{n % 2 + 1}}}}}
status: {{podIP: {address}, phase: Running}}
"""
        for n, address in enumerate(addresses)
    )
    rows = "\n".join(
        f"- {{addresses: [{address}], conditions: {{ready: true}}, "
        f"targetRef: {{kind: Pod, name: svc-{i}-{n}, namespace: default}}}}"
        for n, address in enumerate(addresses)
    )
    return f"""apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: svc-{i}, namespace: default, labels: {{kubernetes.io/service-name: svc-{i}}}}}
addressType: IPv4
ports: [{{name: http, port: {PORT}, protocol: TCP}}]
endpoints:
{rows}
{pods}"""


def node(i: int) -> Node:
    """The Node of a sidecar in front of the first endpoint of a service."""
    address = f"10.{1 + i // 250}.{i % 250}.1"
    metadata = {
        "NAME": f"svc-{i}-0", "NAMESPACE": "default", "INSTANCE_IPS": address, "CLUSTER_ID": "Kubernetes",
        "LABELS": {"app": f"svc-{i}", "version": "v1"}, "PROXY_CONFIG": {}, "ISTIO_VERSION": "1.32.0",
    }  # fmt: skip
    tree = {"id": f"sidecar~{address}~svc-{i}-0.default~default.svc.cluster.local", "metadata": metadata}
    made: Node = json_format.ParseDict(tree, Node())
    return made


@dataclass
class Sidecar:
    """One Delta stream that asks as Envoy does and acknowledges all it gets. `bytes` counts what came."""

    node: Node
    bytes: int = 0
    seen: dict[str, int] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, channel: grpc.aio.Channel) -> None:
        """Until cancelled."""
        call = channel.stream_stream(METHOD)()
        await self.ask(call, CDS)
        await self.ask(call, LDS)
        while (data := await call.read()) is not grpc.aio.EOF:
            self.bytes += len(data)
            response = DeltaDiscoveryResponse.FromString(data)
            await call.write(
                DeltaDiscoveryRequest(
                    type_url=response.type_url, response_nonce=response.nonce
                ).SerializeToString()
            )
            if response.type_url == CDS and CDS not in self.seen:
                await self.ask(call, EDS, [n for r in response.resources for n in endpoint_names(r)])
            if response.type_url == LDS and LDS not in self.seen:
                await self.ask(call, RDS, [str(PORT)])
            self.seen[response.type_url] = self.seen.get(response.type_url, 0) + 1
            self.news.set()

    async def ask(self, call: Any, type_url: str, names: list[str] | None = None) -> None:
        """Subscribe; to all when no names are given."""
        request = DeltaDiscoveryRequest(type_url=type_url, resource_names_subscribe=names or [])
        if not self.seen and type_url == CDS:
            request.node.CopyFrom(self.node)
        await call.write(request.SerializeToString())

    async def has(self, type_url: str, count: int) -> None:
        """Wait for so many responses of a type."""
        while self.seen.get(type_url, 0) < count:
            self.news.clear()
            await self.news.wait()


def endpoint_names(resource: Any) -> Iterator[str]:
    """The name of a cluster's endpoints."""
    name = endpoint_name(resource.resource.value)
    if name is not None:
        yield name


@cache
def endpoint_name(body: bytes) -> str | None:
    """The same of a serialised cluster. Kept: the sidecars share the machine, so they must cost little."""
    cluster = Cluster.FromString(body)
    if cluster.type != Cluster.EDS:
        return None
    name: str = cluster.eds_cluster_config.service_name or cluster.name
    return name


@dataclass
class Server:
    """The process under test."""

    process: subprocess.Popen[bytes]
    address: str

    @property
    def cpu(self) -> float:
        """CPU seconds so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def memory(self) -> float:
        """MB resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def started(folder: Path) -> Server:
    """A server for this folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    program = shutil.which("miniistiod", path=Path(sys.executable).parent) or "miniistiod"
    off = ["--secure-grpc-address=", "--http-address=", "--monitoring-address="]
    log = ["--log-level", "error"]
    process = subprocess.Popen([program, "serve", "-c", str(folder), "--grpc-address", address, *off, *log])
    return Server(process, address)


async def serving(server: Server) -> None:
    """Wait until a stream is answered; UNAVAILABLE before that is part of loading."""
    while True:
        async with grpc.aio.insecure_channel(server.address) as channel:
            call = channel.stream_stream(METHOD)()
            try:
                await call.write(DeltaDiscoveryRequest(type_url=CDS, node=node(0)).SerializeToString())
                if await call.read() is not grpc.aio.EOF:
                    return
            except grpc.aio.AioRpcError as fault:
                if server.process.poll() is not None:
                    raise SystemExit("the server ended") from fault
                await asyncio.sleep(0.01)


Row = dict[str, tuple[float, float]]
"""Step → (seconds, CPU seconds of the server)."""


async def measured(mesh: Mesh) -> tuple[Row, float, float]:
    """All steps for one mesh; then MB of memory and MB sent to all sidecars."""
    mesh.write()
    row: Row = {}
    start = time.perf_counter()
    server = started(mesh.folder)
    try:
        await asyncio.wait_for(serving(server), PATIENCE)
        row["load"] = time.perf_counter() - start, server.cpu
        sidecars = [Sidecar(node(i)) for i in range(mesh.sidecars)]
        channels = [
            grpc.aio.insecure_channel(
                server.address,
                options=[("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)],
            )
            for _ in sidecars
        ]
        tasks: list[asyncio.Task[None]] = []

        async def connect() -> None:
            tasks.extend(asyncio.create_task(s.run(c)) for s, c in zip(sidecars, channels, strict=True))
            for sidecar in sidecars:
                await sidecar.has(RDS, 1)
                await sidecar.has(EDS, 1)

        row["connect"] = await timed(server, connect)
        await quiet(sidecars)
        row["weight"] = await timed(server, change(sidecars, RDS, lambda: mesh.change_weight(10)))
        await quiet(sidecars)
        row["endpoint"] = await timed(server, change(sidecars, EDS, lambda: mesh.add_endpoint(1)))
        sent = sum(s.bytes for s in sidecars) / 2**20
        memory = server.memory
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(channel.close() for channel in channels))
        return row, memory, sent
    finally:
        server.process.terminate()
        server.process.wait()


def change(sidecars: list[Sidecar], type_url: str, act: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    """Change a file, and wait until the last sidecar has heard of it."""

    async def step() -> None:
        counts = [s.seen.get(type_url, 0) for s in sidecars]
        act()
        for sidecar, count in zip(sidecars, counts, strict=True):
            await sidecar.has(type_url, count + 1)

    return step


async def timed(server: Server, step: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """(seconds, CPU seconds of the server) of a step."""
    cpu, start = server.cpu, time.perf_counter()
    await asyncio.wait_for(step(), PATIENCE)
    return time.perf_counter() - start, server.cpu - cpu


async def quiet(sidecars: list[Sidecar]) -> None:
    """Wait until half a second passes in which nobody hears anything."""
    before = -1
    while (now := sum(s.bytes for s in sidecars)) != before:
        before = now
        await asyncio.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=100)
    parser.add_argument("--endpoints", type=int, default=5, help="for each service")
    parser.add_argument("--sidecars", type=int, default=100)
    parser.add_argument("--once", action="store_true", help="do not double each side")
    asked = parser.parse_args()
    s, e, p = asked.services, asked.endpoints, asked.sidecars
    sizes = [(s, e, p)] if asked.once else [(s, e, p), (2 * s, e, p), (s, 2 * e, p), (s, e, 2 * p)]
    table = Table(title="seconds until the last sidecar has it (CPU seconds of the server)")
    for name in (
        "services x endpoints x sidecars",
        "load",
        "connect",
        "weight",
        "endpoint",
        "memory",
        "sent",
    ):
        table.add_column(name, justify="right")
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            row, memory, sent = asyncio.run(measured(Mesh(Path(folder), *size)))
        times = [f"{seconds:.3f} ({cpu:.2f})" for seconds, cpu in row.values()]
        table.add_row(" x ".join(map(str, size)), *times, f"{memory:.0f} MB", f"{sent:.1f} MB")
    Console().print(table)


if __name__ == "__main__":
    main()
