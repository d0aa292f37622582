"""The protocol through a socket: what a raw client sees."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from envoy.service.discovery.v3 import discovery_pb2

from miniistiod.server.connections import Refusal
from miniistiod.server.dialects import SERVICES
from miniistiod.server.options import ServerOptions
from miniistiod.xds.type_rules import CDS, EDS, LDS, RDS
from tests.server.client import DELTA, SECONDS, SOTW, asynchronous, bodies, served, some, stream, until

both = pytest.mark.parametrize("method", [SOTW, DELTA], ids=["sotw", "delta"])
INVALID = grpc.StatusCode.INVALID_ARGUMENT


@both
@asynchronous
async def test_p1_a_fresh_stream_is_answered_whatever_it_knows_from_another(method):
    async with served() as (source, server), stream(server, method) as client:
        source.put(CDS, some("a", "b"))
        known = {"response_nonce": "old-3"} | ({} if client.delta else {"version_info": "old"})
        assert bodies(await client.asks(CDS, **known)) == ["a", "b"]


@both
@asynchronous
async def test_p3_a_nack_is_recorded_counted_and_answered_only_by_news(method):
    async with served() as (source, server), stream(server, method) as client:
        source.put(CDS, some("a=bad"))
        await client.says(CDS)
        got = await client.hears()
        await client.says(
            CDS, response_nonce=got.nonce, error_detail={"code": 13, "message": "a: not like this"}
        )
        await until(lambda: next(iter(server.connections)).session.states[CDS].status == "NACKED")
        assert b'pilot_xds_cds_reject{err="Internal"' in server.metrics.text()
        source.put(CDS, some("a=good"))
        server.source_changed()
        assert bodies(await client.hears()) == ["a=good"]


@both
@asynchronous
async def test_p20_p25_the_same_files_have_the_same_versions_after_a_restart(method):
    versions = []
    for _ in range(2):
        async with served() as (source, server), stream(server, method) as client:
            source.put(CDS, some("a", "b"))
            got = await client.asks(CDS)
            versions.append([r.version for r in got.resources] if client.delta else got.version_info)
    assert versions[0] == versions[1]


@asynchronous
async def test_p20_a_client_that_reconnects_is_sent_only_the_difference():
    async with served() as (source, server):
        source.put(CDS, some("a", "b", "c"))
        async with stream(server) as client:
            got = await client.asks(CDS)
            held = {r.name: r.version for r in got.resources}
        source.put(CDS, some("a", "c=2"))
        server.source_changed()
        async with stream(server) as client:
            got = await client.asks(CDS, initial_resource_versions=held)
            assert (bodies(got), list(got.removed_resources)) == (["c=2"], ["b"])


@both
@asynchronous
async def test_p26_a_change_that_changes_nothing_is_not_sent(method):
    async with served() as (source, server), stream(server, method) as client:
        source.put(RDS, some("a"))
        await client.asks(RDS, "a")
        source.put(RDS, some("a"))
        server.source_changed()
        source.put(RDS, some("a=2"))
        server.source_changed()
        assert bodies(await client.hears()) == ["a=2"]


@both
@asynchronous
async def test_p27_five_hundred_changes_are_at_most_three_responses(method):
    async with served() as (source, server), stream(server, method) as client:
        source.put(CDS, some("a=0"))
        await client.says(CDS)
        heard = [await client.hears()]
        for content in range(1, 501):
            source.put(CDS, some(f"a={content}"))
            server.source_changed()
            await asyncio.sleep(0)
        while bodies(heard[-1]) != ["a=500"]:
            await client.acks(heard[-1])
            heard.append(await client.hears())
        assert len(heard) <= 3


@both
@asynchronous
async def test_p29_a_stream_begins_with_a_node(method):
    async with served() as (_, server):
        async with stream(server, method) as client:
            await client.says(CDS, with_node=False)
            code, details = await client.status()
            assert code is INVALID
            assert "node" in details
        async with stream(server, method) as client:
            await client.asks(CDS)
            client.first = True  # says its node again, under another name
            await client.asks(LDS, node={"id": "another"})
            assert [c.node.id for c in server.connections] == [
                "sidecar~10.0.0.1~n.default~default.svc.cluster.local"
            ]


@both
@asynchronous
async def test_p30_an_unknown_type_leaves_the_stream_alive_and_an_empty_one_ends_it(method):
    async with served() as (source, server), stream(server, method) as client:
        source.put(CDS, some("a"))
        assert bodies(await client.asks("type.googleapis.com/no.Such")) == []
        assert bodies(await client.asks(CDS)) == ["a"]
        await client.says("")
        code, details = await client.status()
        assert code is INVALID
        assert "type_url" in details


@asynchronous
async def test_p35_virtual_hosts_on_demand_are_denied_at_once():
    async with served() as (_, server), stream(server) as client:
        got = await client.asks("type.googleapis.com/envoy.config.route.v3.VirtualHost", "route/host")
        assert list(got.removed_resources) == ["route/host"]


@both
@asynchronous
async def test_p33_nothing_is_served_before_the_first_full_load(method):
    async with served(loaded=False) as (source, server):
        async with stream(server, method) as client:
            await client.says(CDS)
            code, details = await client.status()
            assert code is grpc.StatusCode.UNAVAILABLE
            assert "not loaded yet" in details
        source.put(CDS, some("a"))
        server.source_changed()
        async with stream(server, method) as client:
            assert bodies(await client.asks(CDS)) == ["a"]


@asynchronous
async def test_p37_twenty_thousand_names_in_one_request():
    names = [f"outbound|8080||service-{n}.a-rather-long-namespace.svc.cluster.local" for n in range(20_000)]
    async with served() as (source, server), stream(server) as client:
        source.put(CDS, some(*names))
        held = {r.name: r.version for r in some(*names)}
        got = await client.asks(CDS, initial_resource_versions=held)
        assert len(got.resources) == 0
        got = await client.asks(EDS, *names)
        assert len(got.resources) == 20_000


@both
@asynchronous
async def test_p37_a_response_of_thirty_megabytes(method):
    async with served() as (source, server), stream(server, method) as client:
        source.put(CDS, some(*(f"c{n}" for n in range(300)), size=100_000))
        got = await client.asks(CDS)
        assert got.ByteSize() > 30_000_000
        assert len(got.resources) == 300


@both
@asynchronous
async def test_p40_a_server_that_stops_says_so_and_takes_nothing_away(method):
    async with served() as (source, server), stream(server, method) as client:
        source.put(CDS, some("a"))
        await client.asks(CDS)
        source.put(CDS, [])
        await server.stop()
        code, details = await client.status()
        assert code is grpc.StatusCode.UNAVAILABLE
        assert "shutting down" in details


@asynchronous
async def test_p40_what_is_asked_of_a_server_that_stops_is_not_worked_out():
    async with served() as (source, server), stream(server) as deaf:
        source.put(CDS, some("big", size=3_000_000))
        await deaf.says(CDS)
        await until(lambda: [c for c in server.connections if CDS in c.session.states])
        (connection,) = server.connections
        stop = asyncio.create_task(server.stop(grace=1))
        await until(lambda: connection.refusal is not None)
        await deaf.says(RDS, "r")
        await stop
        assert RDS not in connection.session.states


@both
@asynchronous
async def test_an_old_nonce_is_counted_unless_it_comes_with_a_rejection(method):
    async with served() as (source, server), stream(server, method) as client:
        source.put(RDS, some("a"))
        old = await client.asks(RDS, "a")
        source.put(RDS, some("a=2"))
        server.source_changed()
        assert bodies(await client.hears()) == ["a=2"]
        names = () if client.delta else ("a",)
        await client.says(
            RDS, *names, response_nonce=old.nonce, error_detail={"code": 13, "message": "a: no"}
        )
        await client.says(RDS, *names, response_nonce=old.nonce)
        await client.asks(CDS, response_nonce="of another stream")
        assert b'pilot_xds_expired_nonce{type="rds"} 1.0' in server.metrics.text()
        assert b'pilot_xds_expired_nonce{type="cds"}' not in server.metrics.text()


@pytest.mark.parametrize(
    ("service", "name", "type_url"),
    [(s, name, url) for s, methods in SERVICES.items() for name, (_, url) in methods.items() if url],
)
@asynchronous
async def test_each_type_has_its_own_service(service, name, type_url):
    async with served() as (source, server):
        source.put(type_url, some("a", "b"))
        async with stream(server, f"/{service}/{name}") as client:
            assert bodies(await client.asks("", "a")) == ["a"]  # the type goes without saying
        async with stream(server, f"/{service}/{name}") as client:
            await client.says("type.googleapis.com/another.Type")
            code, details = await client.status()
            assert code is INVALID
            assert type_url in details


@both
@asynchronous
async def test_a_client_that_has_said_all_still_gets_its_answers(method):
    """As grpcurl does: one request, the end of its side, then it reads."""
    async with served() as (source, server), stream(server, method) as client:
        source.put(CDS, some("a"))
        await client.says(CDS)
        await client.says(LDS)
        await client.call.done_writing()
        assert bodies(await client.hears()) == ["a"]
        assert bodies(await client.hears()) == []
        assert (await client.status())[0] is grpc.StatusCode.OK


@asynchronous
async def test_too_many_streams_and_too_many_names_are_refused_clearly():
    async with served(ServerOptions(max_streams=1, max_names=3)) as (_, server), stream(server) as client:
        await client.asks(CDS)
        async with stream(server) as another:
            await another.says(CDS)
            assert (await another.status())[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
        await client.says(EDS, "a", "b", "c", "d")
        code, details = await client.status()
        assert (code, details) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "more than 3 names on a stream")


@asynchronous
async def test_a_request_that_is_too_large_or_no_request_is_refused_clearly():
    async with served(ServerOptions(max_receive=1000)) as (_, server):
        async with stream(server) as client:
            await client.says(EDS, *(f"name-{n}" for n in range(200)))
            assert (await client.status())[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.ports[0]}") as channel:
            call = channel.stream_stream(DELTA)()
            await call.write(b"\xff\xff\xff")
            with pytest.raises(grpc.aio.AioRpcError):
                await call.read()
            assert await call.code() is INVALID


@asynchronous
async def test_a_caller_may_be_refused_and_its_identity_is_kept():
    async def authorise(context, node):
        if "mallory" in node.id:
            raise Refusal(grpc.StatusCode.PERMISSION_DENIED, "you are not mallory")
        return "spiffe://me"

    async with served(authorise=authorise) as (_, server):
        async with stream(server) as client:
            await client.asks(CDS)
            assert [c.identity for c in server.connections] == ["spiffe://me"]
        async with stream(server) as client:
            await client.says(CDS, with_node=False, node={"id": "mallory"})
            assert await client.status() == (grpc.StatusCode.PERMISSION_DENIED, "you are not mallory")


@asynchronous
async def test_who_comes_and_goes_is_told():
    here = []
    async with served(connected=here.append, disconnected=here.remove) as (_, server):
        async with stream(server) as client:
            await client.asks(CDS)
            assert [n.id for n in here] == ["sidecar~10.0.0.1~n.default~default.svc.cluster.local"]
            assert [c.node.id for c in server.connections.of("n.default")] == [n.id for n in here]
        await until(lambda: not here)
        assert len(server.connections) == 0


@asynchronous
async def test_pings_are_never_too_many():
    """gRPC's default would end a connection (GOAWAY, too_many_pings) after the third of these."""
    from h2.connection import H2Connection
    from h2.events import ConnectionTerminated, PingAckReceived

    async with served() as (_, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ports[0])
        http2 = H2Connection()
        http2.initiate_connection()
        for number in range(50):
            http2.ping(number.to_bytes(8, "big"))
        writer.write(http2.data_to_send())
        acknowledged = 0
        async with asyncio.timeout(SECONDS):
            while acknowledged < 50:
                for event in http2.receive_data(await reader.read(65536)):
                    assert not isinstance(event, ConnectionTerminated)
                    acknowledged += isinstance(event, PingAckReceived)
                writer.write(http2.data_to_send())
        writer.close()


@asynchronous
async def test_p31_a_peer_that_fell_silent_is_given_up():
    """The peer's machine takes everything in, but nobody answers a ping there."""
    from h2.connection import H2Connection

    options = ServerOptions(keepalive=0.3, keepalive_timeout=3)
    async with served(options) as (source, server), stream(server) as alive:
        await alive.asks(CDS)
        _, writer = await asyncio.open_connection("127.0.0.1", server.ports[0])
        http2 = H2Connection()
        http2.initiate_connection()
        where = [(":method", "POST"), (":scheme", "http"), (":path", DELTA), (":authority", "x")]
        http2.send_headers(1, [*where, ("content-type", "application/grpc"), ("te", "trailers")])
        request = discovery_pb2.DeltaDiscoveryRequest(type_url=CDS, node={"id": "silent"}).SerializeToString()
        http2.send_data(1, b"\0" + len(request).to_bytes(4, "big") + request)
        writer.write(http2.data_to_send())
        await until(lambda: len(server.connections) == 2)
        await until(lambda: len(server.connections) == 1)
        writer.close()
        source.put(CDS, some("a"))
        server.source_changed()
        assert bodies(await alive.hears()) == ["a"]


@asynchronous
async def test_p31_an_old_connection_is_asked_to_come_again():
    async with served(ServerOptions(max_age=3, grace=0.1)) as (source, server):
        source.put(CDS, some("a"))
        async with stream(server) as client:
            await client.asks(CDS)
            await client.status()
            await until(lambda: len(server.connections) == 0)
        async with stream(server) as client:
            assert bodies(await client.asks(CDS)) == ["a"]
