"""Requests from bytes and responses to bytes.

A response is the join of frames: the head of each resource is made once and kept with it, its body is the
one its source serialised. So nothing is serialised twice, no large message is ever built, and streams that
are told the same are sent the same bytes.
"""

from __future__ import annotations

import sys

from envoy.service.discovery.v3 import discovery_pb2

from miniistiod.xds.message import DeltaRequest, Response, SotwRequest
from miniistiod.xds.resource import Resource

IDENTIFIER = "mini-istiod"
"""ControlPlane.identifier: who answered, as clients show it."""


def sotw_request(data: bytes) -> SotwRequest:
    """Read a DiscoveryRequest; DecodeError if it is not one."""
    message = discovery_pb2.DiscoveryRequest.FromString(data)
    return SotwRequest(
        type_url=sys.intern(message.type_url),
        names=tuple(map(sys.intern, message.resource_names)),
        nonce=message.response_nonce,
        error=message.error_detail.message if message.HasField("error_detail") else None,
        code=message.error_detail.code,
        node=message.node if message.HasField("node") else None,
    )


def delta_request(data: bytes) -> DeltaRequest:
    """Read a DeltaDiscoveryRequest; DecodeError if it is not one."""
    message = discovery_pb2.DeltaDiscoveryRequest.FromString(data)
    return DeltaRequest(
        type_url=sys.intern(message.type_url),
        subscribe=tuple(map(sys.intern, message.resource_names_subscribe)),
        unsubscribe=tuple(map(sys.intern, message.resource_names_unsubscribe)),
        held=dict(message.initial_resource_versions),
        nonce=message.response_nonce,
        error=message.error_detail.message if message.HasField("error_detail") else None,
        code=message.error_detail.code,
        node=message.node if message.HasField("node") else None,
    )


def varint(value: int) -> bytes:
    """A length as protobuf writes it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def chunk(number: int, value: bytes) -> bytes:
    """A field with a length before it: a string, bytes or a message."""
    return bytes((number << 3 | 2,)) + varint(len(value)) + value


def opening(number: int, length: int) -> bytes:
    """The start of such a field whose value follows later."""
    return bytes((number << 3 | 2,)) + varint(length)


_CONTROL_PLANE = chunk(1, IDENTIFIER.encode())


def any_head(type_url: str, body: bytes) -> bytes:
    """An Any up to its value."""
    return chunk(1, type_url.encode()) + opening(2, len(body))


def sotw_head(type_url: str, resource: Resource) -> bytes:
    """`DiscoveryResponse.resources` up to the body."""
    head = any_head(type_url, resource.body)
    return opening(2, len(head) + len(resource.body)) + head


def delta_head(type_url: str, resource: Resource) -> bytes:
    """`DeltaDiscoveryResponse.resources` up to the body: version (1) and name (3) go before the Any (2)."""
    head = any_head(type_url, resource.body)
    inner = chunk(1, resource.version.encode()) + chunk(3, resource.name.encode())
    inner += opening(2, len(head) + len(resource.body)) + head
    return opening(2, len(inner) + len(resource.body)) + inner


def kept_sotw_head(type_url: str, resource: Resource) -> bytes:
    """The head, kept with its resource."""
    head = sotw_head(type_url, resource)
    object.__setattr__(resource, "sotw_head", head)
    return head


def kept_delta_head(type_url: str, resource: Resource) -> bytes:
    """The head, kept with its resource."""
    head = delta_head(type_url, resource)
    object.__setattr__(resource, "delta_head", head)
    return head


def joined(response: Response, start: bytes, heads: list[bytes]) -> bytes:
    """The start of a message and the frames of its resources; kept with a response that streams share."""
    frames = [start] * (2 * len(heads) + 1)
    frames[1::2] = heads
    frames[2::2] = [resource.body for resource in response.resources]
    message = b"".join(frames)
    if response.shared:
        object.__setattr__(response, "wire", message)
    return message


def sotw_bytes(response: Response) -> bytes:
    """A serialised DiscoveryResponse."""
    if response.wire:
        return response.wire
    url = response.type_url
    head = chunk(1, response.version.encode()) + chunk(4, url.encode())
    head += chunk(5, response.nonce.encode()) + chunk(6, _CONTROL_PLANE)
    return joined(response, head, [r.sotw_head or kept_sotw_head(url, r) for r in response.resources])


def delta_bytes(response: Response) -> bytes:
    """A serialised DeltaDiscoveryResponse."""
    if response.wire:
        return response.wire
    url = response.type_url
    head = chunk(1, response.version.encode()) + chunk(4, url.encode())
    head += chunk(5, response.nonce.encode()) + chunk(7, _CONTROL_PLANE)
    head += b"".join(chunk(6, name.encode()) for name in response.removed)
    return joined(response, head, [r.delta_head or kept_delta_head(url, r) for r in response.resources])
