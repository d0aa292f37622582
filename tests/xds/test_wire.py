"""P37, P38: the bytes, read by two decoders that are not ours: upb, and betterproto of envoy-data-plane."""

from __future__ import annotations

import warnings

import pytest
from envoy.config.core.v3 import base_pb2
from envoy.service.discovery.v3 import discovery_pb2
from google.rpc import status_pb2

from miniistiod.xds.message import Response
from miniistiod.xds.resource import resource
from miniistiod.xds.type_rules import CDS
from miniistiod.xds.wire import IDENTIFIER, delta_bytes, delta_request, sotw_bytes, sotw_request, varint

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of pydantic, about the generated code
    from envoy_data_plane.envoy.service.discovery import v3 as independent

BIG = resource("big", b"x" * 300_000)
SENT = Response(CDS, "n-1", "v1", (resource("a", b"\x0a\x01a"), resource("b|ü", b""), BIG), ("gone", "lost"))


@pytest.mark.parametrize(
    "decode", [discovery_pb2.DiscoveryResponse.FromString, independent.DiscoveryResponse.parse]
)
def test_p38_a_sotw_response(decode):
    got = decode(sotw_bytes(SENT))
    assert (got.version_info, got.type_url, got.nonce, got.control_plane.identifier) == (
        "v1",
        CDS,
        "n-1",
        IDENTIFIER,
    )
    assert [(r.type_url, bytes(r.value)) for r in got.resources] == [(CDS, r.body) for r in SENT.resources]


@pytest.mark.parametrize(
    "decode", [discovery_pb2.DeltaDiscoveryResponse.FromString, independent.DeltaDiscoveryResponse.parse]
)
def test_p38_a_delta_response(decode):
    got = decode(delta_bytes(SENT))
    assert (got.system_version_info, got.type_url, got.nonce) == ("v1", CDS, "n-1")
    assert got.control_plane.identifier == IDENTIFIER
    assert list(got.removed_resources) == ["gone", "lost"]
    assert [(r.name, r.version) for r in got.resources] == [(r.name, r.version) for r in SENT.resources]
    assert [(r.resource.type_url, bytes(r.resource.value)) for r in got.resources] == [
        (CDS, r.body) for r in SENT.resources
    ]


def test_frames_are_made_once():
    sotw_bytes(SENT)
    delta_bytes(SENT)
    assert (BIG.sotw_head, BIG.delta_head) == (BIG.sotw_head, BIG.delta_head) != (b"", b"")
    assert sotw_bytes(SENT) == sotw_bytes(SENT)
    assert delta_bytes(SENT) == delta_bytes(SENT)


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**31, 2**40])
def test_a_length_is_written_as_protobuf_does(value):
    decoded = sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(varint(value)))
    assert decoded == value
    assert all(byte & 0x80 for byte in varint(value)[:-1])
    assert not varint(value)[-1] & 0x80


def test_a_sotw_request():
    sent = discovery_pb2.DiscoveryRequest(
        type_url=CDS,
        resource_names=["a", "b"],
        response_nonce="n",
        node=base_pb2.Node(id="me"),
        error_detail=status_pb2.Status(code=13, message="bad"),
    )
    got = sotw_request(sent.SerializeToString())
    assert (got.type_url, got.names, got.nonce, got.error, got.code) == (CDS, ("a", "b"), "n", "bad", 13)
    assert got.node.id == "me"


def test_an_error_without_a_text_is_a_rejection_all_the_same():
    sent = discovery_pb2.DiscoveryRequest(type_url=CDS, error_detail=status_pb2.Status())
    assert sotw_request(sent.SerializeToString()).error == ""
    assert sotw_request(discovery_pb2.DiscoveryRequest(type_url=CDS).SerializeToString()).error is None


def test_p37_a_delta_request_with_twenty_thousand_names():
    held = {
        f"outbound|8080||service-{n}.namespace.svc.cluster.local": "0123456789abcdef" for n in range(20_000)
    }
    sent = discovery_pb2.DeltaDiscoveryRequest(
        type_url=CDS,
        initial_resource_versions=held,
        resource_names_subscribe=["x"],
        resource_names_unsubscribe=["y"],
    )
    got = delta_request(sent.SerializeToString())
    assert dict(got.held) == held
    assert (got.subscribe, got.unsubscribe, got.node, got.error) == (("x",), ("y",), None, None)
