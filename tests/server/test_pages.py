"""What is seen from outside: readiness, debug pages, metrics, health and reflection."""

from __future__ import annotations

from contextlib import asynccontextmanager

import grpc
import httpx
import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2
from google.protobuf import any_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from miniistiod.server.admin import HttpServer, debug_pages, monitoring_pages
from miniistiod.server.dialects import SERVICES
from miniistiod.xds.resource import resource
from miniistiod.xds.type_rules import CDS, EDS, LDS, RDS, SDS
from tests.server.client import asynchronous, served, some, stream, until


@asynccontextmanager
async def pages(server, **more):
    http = HttpServer(debug_pages(server, more.get("own", {})), "127.0.0.1:0")
    await http.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{http.port}") as client:
            yield client
    finally:
        await http.stop()


@asynchronous
async def test_readiness_and_health_follow_the_first_load_and_the_stop():
    async with served(loaded=False) as (_, server), pages(server) as http, stream(server) as client:
        check = health_pb2_grpc.HealthStub(client.channel).Check
        assert (await http.get("/ready")).status_code == 503
        assert (await check(health_pb2.HealthCheckRequest())).status == 2  # NOT_SERVING
        server.source_changed()
        assert (await http.get("/ready")).status_code == 200
        assert (await check(health_pb2.HealthCheckRequest())).status == 1  # SERVING
        await server.stop()
        assert (await http.get("/ready")).status_code == 503


@asynchronous
async def test_reflection_lists_every_service():
    async with served() as (_, server), grpc.aio.insecure_channel(f"127.0.0.1:{server.ports[0]}") as channel:
        call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo()
        await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        names = {s.name for s in (await call.read()).list_services_response.service}
        assert names >= {*SERVICES, "grpc.health.v1.Health"}
        await call.write(reflection_pb2.ServerReflectionRequest(file_containing_symbol=next(iter(SERVICES))))
        assert (await call.read()).file_descriptor_response.file_descriptor_proto


@asynchronous
async def test_sync_status_of_each_proxy_and_type():
    async with served() as (source, server), stream(server) as client, pages(server) as http:
        source.put(CDS, some("a"))
        await client.asks(CDS)
        await client.says(LDS)
        await client.hears()
        await client.says(RDS)
        await client.says(EDS, "x")
        got = await client.hears()
        await client.says(EDS, response_nonce=got.nonce, error_detail={"code": 13, "message": "x: no"})
        connection = next(iter(server.connections))
        await until(lambda: connection.session.states[EDS].status == "NACKED")
        (status,) = (await http.get("/debug/syncz")).json()
        shown = {s["type"]: s["status"] for s in status["resources"].values()}
        assert shown == {"CDS": "SYNCED", "LDS": "STALE", "RDS": "NOT SENT", "EDS": "NACKED"}
        assert status["proxy"] == "sidecar~10.0.0.1~n.default~default.svc.cluster.local"
        assert status["cluster_sent"] == status["cluster_acked"] != ""
        assert "listener_acked" not in status
        assert status["resources"][EDS]["lastError"] == "x: no"
        assert status["resources"][EDS]["rejected"] == ["x"]


@asynchronous
async def test_connections_with_what_they_watch():
    async with served() as (_, server), stream(server) as client, pages(server) as http:
        await client.asks(CDS)
        await client.asks(EDS, "x", "y")
        shown = (await http.get("/debug/connections")).json()
        assert shown["totalClients"] == 1
        assert shown["clients"][0]["watches"] == {CDS: ["*"], EDS: ["x", "y"]}
        assert shown["clients"][0]["address"].startswith("ipv4:127.0.0.1:")


@asynchronous
async def test_the_dump_of_a_proxy_with_every_any_opened_and_no_private_key():
    router = any_pb2.Any(type_url="type.googleapis.com/envoy.extensions.filters.http.router.v3.Router")
    listener = listener_pb2.Listener(name="l")
    listener.filter_chains.add().filters.add(name="f").typed_config.CopyFrom(router)
    secret = secret_pb2.Secret(name="s")
    secret.tls_certificate.private_key.inline_string = "very private"
    async with served() as (source, server), stream(server) as client, pages(server) as http:
        source.put(CDS, [resource("c", cluster_pb2.Cluster(name="c").SerializeToString())])
        source.put(LDS, [resource("l", listener.SerializeToString())])
        source.put(SDS, [resource("s", secret.SerializeToString())])
        await client.asks(CDS)
        await client.asks(SDS, "s", "late")
        shown = await http.get("/debug/config_dump", params={"proxyID": "n.default"})
        found = {c["@type"].rpartition(".")[2]: c for c in shown.json()["configs"]}
        (cluster,) = found["ClustersConfigDump"]["dynamicActiveClusters"]
        assert cluster["cluster"]["name"] == "c"
        (one,) = found["ListenersConfigDump"]["dynamicListeners"]
        opened = one["activeState"]["listener"]["filterChains"][0]["filters"][0]["typedConfig"]
        assert opened == {"@type": router.type_url}
        assert len(found["SecretsConfigDump"]["dynamicActiveSecrets"]) == 1
        assert [each["name"] for each in found["SecretsConfigDump"]["dynamicWarmingSecrets"]] == ["late"]
        assert "very private" not in shown.text
        assert "dmVyeSBwcml2YXRl" not in shown.text


@pytest.mark.parametrize(("query", "code"), [({}, 400), ({"proxyID": "nobody.here"}, 404)])
@asynchronous
async def test_the_dump_of_nobody(query, code):
    async with served() as (_, server), pages(server) as http:
        assert (await http.get("/debug/config_dump", params=query)).status_code == code


@asynchronous
async def test_pages_of_the_application():
    async with (
        served() as (_, server),
        pages(server, own={"/debug/configz": lambda: [{"kind": "Service"}]}) as http,
    ):
        assert (await http.get("/debug/configz")).json() == [{"kind": "Service"}]
        assert "/debug/configz" in (await http.get("/debug")).json()


@asynchronous
async def test_the_metrics_have_istiods_names():
    async with served() as (source, server), stream(server) as client:
        http = HttpServer(monitoring_pages(server), "127.0.0.1:0")
        await http.start()
        source.put(CDS, some("a"))
        await client.asks(CDS)
        connection = next(iter(server.connections))
        await until(lambda: connection.session.settled)
        server.metrics.services.set(3)
        source.put(CDS, some("a=2"))
        server.source_changed()
        await client.takes()
        await until(lambda: connection.session.settled)
        async with httpx.AsyncClient() as asker:
            text = (await asker.get(f"http://127.0.0.1:{http.port}/metrics")).text
        await http.stop()
        values = {
            line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in text.splitlines() if line[0] != "#"
        }
        assert values['pilot_xds_pushes{type="cds"}'] == "2.0"
        assert values['pilot_xds{version="unknown"}'] == "1.0"
        assert values["pilot_services"] == "3.0"
        assert values["pilot_proxy_convergence_time_count"] == "1.0"
        assert values['pilot_xds_push_time_count{type="cds"}'] == "2.0"
        assert values['pilot_inbound_updates{type="config"}'] == "2.0"
        assert "pilot_virt_services" in values
        assert "_total{" not in text
        assert "_created" not in text


@asynchronous
async def test_an_address_that_is_taken_is_said_so():
    async with served() as (_, server):
        first = HttpServer(monitoring_pages(server), "127.0.0.1:0")
        await first.start()
        with pytest.raises(RuntimeError, match="taken"):
            await HttpServer(monitoring_pages(server), f"127.0.0.1:{first.port}").start()
        await first.stop()
