"""What istio's own agent does on 15012, with a raw client: its certificate first, then one Delta stream
that it shares with its Envoy, both with its token. (A real agent was run by hand; see RATIONALE.md.)
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from envoy.service.discovery.v3 import discovery_pb2

from miniistiod.api.istio.security import ca_pb2
from miniistiod.ca import certificates
from miniistiod.xds.type_rules import CDS
from tests.security.plane import WEB, node, plane
from tests.security.test_certificates import created, csr

DELTA = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
NDS = "type.googleapis.com/istio.networking.nds.v1.NameTable"
PATIENCE = 60


def test_the_keys_that_an_agent_makes_get_certificates_for_a_day(tmp_path: Path) -> None:
    """RSA of 2,048 bits by default, P-256 with ECC_SIGNATURE_ALGORITHM=ECDSA."""

    async def scenario() -> None:
        async with plane(tmp_path) as server, server.channel() as channel:
            for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())):
                asked = ca_pb2.IstioCertificateRequest(csr=csr(key), validity_duration=24 * 3600)
                chain = await created(channel, server.token(), asked)
                leaf, root = (x509.load_pem_x509_certificate(pem.encode()) for pem in (chain[0], chain[-1]))
                assert certificates.identity(leaf) == WEB
                assert certificates.signed_by(leaf, root)
                assert len(chain) >= 2

    asyncio.run(scenario())


def test_envoy_s_requests_and_the_agent_s_own_share_a_stream(tmp_path: Path) -> None:
    """The agent asks for a table of names between Envoy's requests; only Envoy's carry the node."""

    async def scenario() -> None:
        async with plane(tmp_path) as server, server.channel() as channel:
            method = channel.stream_stream(
                DELTA,
                request_serializer=discovery_pb2.DeltaDiscoveryRequest.SerializeToString,
                response_deserializer=discovery_pb2.DeltaDiscoveryResponse.FromString,
            )
            call = method(
                metadata=[("authorization", f"Bearer {server.token()}"), ("clusterid", "Kubernetes")]
            )
            await call.write(discovery_pb2.DeltaDiscoveryRequest(type_url=CDS, node=node()))
            await call.write(discovery_pb2.DeltaDiscoveryRequest(type_url=NDS))
            answers = [await asyncio.wait_for(call.read(), PATIENCE) for _ in range(2)]
            assert {answer.type_url for answer in answers} == {CDS, NDS}
            for answer in answers:
                await call.write(
                    discovery_pb2.DeltaDiscoveryRequest(type_url=answer.type_url, response_nonce=answer.nonce)
                )
            await call.done_writing()
            rest = await asyncio.wait_for(call.read(), PATIENCE)
            assert rest is grpc.aio.EOF
            assert await call.code() is grpc.StatusCode.OK

    asyncio.run(scenario())
