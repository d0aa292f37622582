"""P3, P22, P23, P40 on a real Envoy: its rejections in its words, warming, routes that move under load."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from integration.protocol.envoys import cluster, endpoints, envoy, listener, routes
from miniistiod.server.server import AdsServer
from miniistiod.xds.static import StaticSource
from miniistiod.xds.type_rules import CDS, EDS, LDS, RDS
from tests.support.ports import free_ports

both = pytest.mark.parametrize("delta", [False, True], ids=["sotw", "delta"])


@contextlib.asynccontextmanager
async def upstream(name: str) -> AsyncIterator[int]:
    """A server that says its name to everyone."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(name)}\r\n\r\n{name}".encode())
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@contextlib.asynccontextmanager
async def served(*resources) -> AsyncIterator[tuple[StaticSource, AdsServer]]:
    source = StaticSource()
    for type_url, given in resources:
        source.put(type_url, given)
    server = AdsServer(source)
    server.listen("127.0.0.1:0")
    await server.start()
    server.source_changed()
    try:
        yield source, server
    finally:
        await server.stop(0)


async def synced(server: AdsServer, source: StaticSource, seconds: float = 60) -> None:
    """Wait until every client has acknowledged all that the source has now."""

    def done() -> bool:
        open_now = list(server.connections)
        return bool(open_now) and all(
            c.snapshot is source.snapshot(None) and c.session.settled for c in open_now
        )

    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.002)


@both
def test_p3_a_rejection_is_seen_with_envoys_reason(delta):
    async def main() -> None:
        bad = cluster(
            "bad", lb_policy="RING_HASH", ring_hash_lb_config={"minimum_ring_size": 9, "maximum_ring_size": 3}
        )
        async with (
            served((CDS, [cluster("good")])) as (source, server),
            envoy(server.ports[0], delta) as proxy,
        ):
            await proxy.until("cluster_manager.cds.update_success", 1)
            await synced(server, source)
            source.put(CDS, [cluster("good"), bad])
            server.source_changed()
            await proxy.until("cluster_manager.cds.update_rejected", 1)
            state = next(iter(server.connections)).session.states[CDS]
            async with asyncio.timeout(60):
                while state.book.rejected is None:
                    await asyncio.sleep(0.01)
            assert "minimum_ring_size" in state.book.rejected.reason
            assert "bad" in state.book.rejected.culprits
            assert state.status == "NACKED"
            assert b'pilot_total_xds_rejects{type="cds"} 1.0' in server.metrics.text()
            assert b'pilot_xds_cds_reject{err="Internal",node="sidecar~' in server.metrics.text()
            source.put(CDS, [cluster("good"), cluster("bad")])
            server.source_changed()
            await synced(server, source)
            assert state.status == "SYNCED"
            assert (await proxy.stats("cds.update_rejected"))["cluster_manager.cds.update_rejected"] == 1
            assert b"pilot_xds_cds_reject{" not in server.metrics.text()

    asyncio.run(main())


@both
def test_p23_a_cluster_that_changes_200_times_is_never_left_warming(delta):
    async def main() -> None:
        first = [(CDS, [cluster("a"), cluster("b")]), (EDS, [endpoints("a", 1), endpoints("b", 1)])]
        async with served(*first) as (source, server), envoy(server.ports[0], delta) as proxy:
            await proxy.until("cluster_manager.cds.update_success", 1)
            for milliseconds in range(1, 201):
                source.put(CDS, [cluster("a", f"{1 + milliseconds / 1000:.3f}s"), cluster("b")])
                server.source_changed()
                await synced(server, source)
            warming = await proxy.stats("cluster_manager.warming_clusters")
            assert warming["cluster_manager.warming_clusters"] == 0
            updates = await proxy.stats("cluster_manager.cluster_modified")
            assert updates["cluster_manager.cluster_modified"] == 200

    asyncio.run(main())


@both
def test_p22_a_route_moves_between_clusters_200_times_and_no_request_fails(delta):
    async def main() -> None:
        (port,) = free_ports(1)
        async with upstream("0") as even, upstream("1") as odd:
            ports = (even, odd)
            first = [
                (CDS, [cluster("c0")]),
                (EDS, [endpoints("c0", even)]),
                (LDS, [listener("in", port, "r")]),
                (RDS, [routes("r", "c0")]),
            ]
            async with served(*first) as (source, server), envoy(server.ports[0], delta) as proxy:
                await proxy.until("listener_manager.lds.update_success", 1)
                await proxy.until("http.in.rds.r.update_success", 1)
                await synced(server, source)
                statuses: list[int] = []
                said: list[str] = []
                moving = asyncio.Event()

                async def ask() -> None:
                    async with httpx.AsyncClient(timeout=60) as client:
                        while not moving.is_set():
                            got = await client.get(f"http://127.0.0.1:{port}/")
                            statuses.append(got.status_code)
                            said.append(got.text)

                asking = asyncio.create_task(ask())
                for turn in range(1, 201):
                    name, to = f"c{turn}", ports[turn % 2]
                    source.put(CDS, [cluster(name)])
                    source.put(EDS, [endpoints(name, to)])
                    source.put(RDS, [routes("r", name)])
                    server.source_changed()
                    await synced(server, source)
                moving.set()
                await asking
                left = await proxy.stats("cluster_manager.(active|warming)_clusters")
                assert statuses
                assert set(statuses) == {200}, [s for s in statuses if s != 200]
                assert set(said) == {"0", "1"}
                # the last one and the one of the bootstrap
                assert left == {"cluster_manager.active_clusters": 2, "cluster_manager.warming_clusters": 0}

    asyncio.run(main())


@both
def test_p40_a_proxy_keeps_what_it_has_when_the_server_stops_and_finds_the_next_one(delta):
    async def main() -> None:
        given = [(CDS, [cluster("a")]), (EDS, [endpoints("a", 1)])]
        async with served(*given) as (source, server), envoy(server.ports[0], delta) as proxy:
            await proxy.until("cluster_manager.cds.update_success", 1)
            await synced(server, source)
            await server.stop()
            await proxy.until("cluster.xds.upstream_cx_destroy", 1)
            clusters = await proxy.stats("cluster_manager.(active_clusters|cluster_removed)")
            assert clusters == {"cluster_manager.active_clusters": 2, "cluster_manager.cluster_removed": 0}
            again = AdsServer(source)
            again.listen(f"127.0.0.1:{server.ports[0]}")
            await again.start()
            again.source_changed()
            await synced(again, source)
            stats = await proxy.stats("cluster_manager.cluster_(modified|removed|updated)")
            assert stats["cluster_manager.cluster_removed"] == 0
            assert stats["cluster_manager.cluster_modified"] == 0
            await again.stop(0)

    asyncio.run(main())
