"""A port with a detected protocol, between two stock Envoys: HTTP must come to the chain for HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from integration.security.envoys import SECONDS, TYPE, Pki, envoy, listener, server_tls
from miniistiod.api.istio.security.peer_authentication_pb2 import PeerAuthentication
from miniistiod.generate.http_filters import HttpChoices, http_filters
from miniistiod.translate.peer_authentication.chain_match import chain_matches
from miniistiod.vocab.listener_class import ListenerClass
from miniistiod.vocab.protocol import Protocol
from tests.support.ports import free_ports

OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def server(port: int, pki: Pki) -> Mapping[str, Any]:
    """The mutual TLS chains of a port with a detected protocol; each answers with its own kind."""
    chains = []
    for match in chain_matches(Protocol.AUTO, PeerAuthentication.MutualTLS.STRICT):
        answer = {
            "direct_response": {"status": 200, "body": {"inline_string": "HTTP" if match.http else "TCP"}}
        }
        (chain,) = listener(port, [], server_tls(pki), answer)["filter_chains"]
        wanted = {"transport_protocol": match.transport, "application_protocols": list(match.alpn)}
        chains.append({**chain, "filter_chain_match": wanted})
    inspector = {
        "name": "envoy.filters.listener.tls_inspector",
        "typed_config": {"@type": f"{TYPE}.filters.listener.tls_inspector.v3.TlsInspector"},
    }
    return {**listener(port, [], None), "listener_filters": [inspector], "filter_chains": chains}


def client(port: int, *, detected: bool) -> Mapping[str, Any]:
    """The outbound connection manager of a stock Envoy, in front of the cluster `peer`."""
    choices = HttpChoices(ListenerClass.SIDECAR_OUTBOUND, extensions=False, detected=detected)
    return listener(port, http_filters(choices)[:-1], None, {"route": {"cluster": "peer"}})


def peer(port: int, version: str) -> Mapping[str, Any]:
    """A cluster with the ALPN that Istio's clusters offer."""
    return {
        "name": "peer",
        "connect_timeout": "5s",
        "typed_extension_protocol_options": {
            OPTIONS: {"@type": f"type.googleapis.com/{OPTIONS}", "explicit_http_config": {version: {}}}
        },
        "load_assignment": {
            "cluster_name": "peer",
            "endpoints": [
                {
                    "lb_endpoints": [
                        {
                            "endpoint": {
                                "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}
                            }
                        }
                    ]
                }
            ],
        },
        "transport_socket": {
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": f"{TYPE}.transport_sockets.tls.v3.UpstreamTlsContext",
                "common_tls_context": {"alpn_protocols": ["istio-peer-exchange", "istio"]},
            },
        },
    }


@pytest.mark.parametrize("version", ["http_protocol_options", "http2_protocol_options"])
@pytest.mark.parametrize("detected", [True, False])
def test_http_comes_to_the_chain_for_http(tmp_path: Path, version: str, detected: bool) -> None:
    """Without the stand-in for istio.alpn the same request is taken for TCP: that is what it is for."""
    outbound, inbound = free_ports(2)
    listeners = [server(inbound, Pki.new()), client(outbound, detected=detected)]
    config = {"static_resources": {"listeners": listeners, "clusters": [peer(inbound, version)]}}
    with envoy(tmp_path, config, outbound):
        answer = httpx.get(f"http://127.0.0.1:{outbound}/", trust_env=False, timeout=SECONDS)
    assert answer.text == ("HTTP" if detected else "TCP")
