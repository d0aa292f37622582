"""One server certificate in several Gateways of a workload: clients share a connection between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations

from miniistiod.analysis.message import WARNING, message
from miniistiod.analysis.world import World
from miniistiod.api.istio.networking.gateway_pb2 import Gateway, ServerTLSSettings
from miniistiod.config.diagnostics import Diagnostic


def analyser(world: World) -> Iterator[Diagnostic]:
    """Each server whose certificate another Gateway for the same workload has too."""
    for one, other in permutations(world.store.of(Gateway), 2):
        if not covers(one.message.selector, other.message.selector):
            continue
        theirs = [server.tls for server in other.message.servers if server.HasField("tls")]
        for index, server in enumerate(one.message.servers):
            if server.HasField("tls") and any(same_certificate(server.tls, tls) for tls in theirs):
                yield message(
                    WARNING,
                    "IST0138",
                    one,
                    f"spec.servers[{index}].tls",
                    f"Gateway {other.namespace}/{other.name} shows the same certificate",
                    "HTTP/2 clients send requests for one's hosts over the other's connection: 404 (NR)",
                    "put the hosts into one Gateway, or give each its own certificate",
                )


def covers(selector: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether every workload that the other chooses is chosen by this one as well."""
    return all(other.get(key) == value for key, value in selector.items())


def same_certificate(one: ServerTLSSettings, other: ServerTLSSettings) -> bool:
    """Whether both show the same pair: by its Secret, or by its files."""
    if one.credential_name or other.credential_name:
        return one.credential_name == other.credential_name
    files = one.server_certificate, one.private_key
    return all(files) and files == (other.server_certificate, other.private_key)
