"""The static clusters and listeners of a bootstrap: the way to mini-istiod, statistics and readiness."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass

from envoy.config.cluster.v3 import circuit_breaker_pb2, cluster_pb2
from envoy.config.core.v3 import (
    address_pb2,
    base_pb2,
    config_source_pb2,
    extension_pb2,
    protocol_pb2,
)
from envoy.config.endpoint.v3 import endpoint_components_pb2, endpoint_pb2
from envoy.config.listener.v3 import listener_components_pb2, listener_pb2
from envoy.config.route.v3 import route_components_pb2, route_pb2
from envoy.extensions.filters.http.credential_injector.v3 import credential_injector_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.http.upstream_codec.v3 import upstream_codec_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as hcm_pb2
from envoy.extensions.http.injected_credentials.generic.v3 import generic_pb2
from envoy.extensions.transport_sockets.tls.v3 import common_pb2, secret_pb2, tls_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2
from envoy.type.matcher.v3 import string_pb2
from google.protobuf.message import Message

LOCALHOST = "127.0.0.1"
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
TOKEN = "control-plane-token"
"""The name of the secret that holds the token."""
UNLIMITED = 100_000


@dataclass(frozen=True, slots=True)
class Discovery:
    """Where mini-istiod listens. With `root_certificate` and `token_secret` (files) TLS and a token are used.

    `token_secret` holds an Envoy Secret in the form of a discovery response, see `token_secret()`; Envoy
    reads it again when it is replaced by a rename, so a token may be renewed under a running proxy.
    """

    host: str
    port: int
    root_certificate: str = ""
    token_secret: str = ""
    server_name: str = "istiod.istio-system.svc"


def control_plane_cluster(name: str, discovery: Discovery) -> cluster_pb2.Cluster:
    """The cluster of mini-istiod: HTTP/2, with TLS and a token when the place to find them is known."""
    numeric = is_address(discovery.host)
    cluster = cluster_pb2.Cluster(
        name=name,
        alt_stat_name=f"{name};",
        type=cluster_pb2.Cluster.STATIC if numeric else cluster_pb2.Cluster.STRICT_DNS,
        dns_lookup_family=cluster_pb2.Cluster.V4_ONLY,
        load_assignment=assignment(name, discovery.host, discovery.port),
        circuit_breakers=circuit_breaker_pb2.CircuitBreakers(
            thresholds=[
                circuit_breaker_pb2.CircuitBreakers.Thresholds(
                    priority=priority,
                    max_connections={"value": UNLIMITED},
                    max_pending_requests={"value": UNLIMITED},
                    max_requests={"value": UNLIMITED},
                )
                for priority in (base_pb2.DEFAULT, base_pb2.HIGH)
            ]
        ),
        upstream_connection_options=cluster_pb2.UpstreamConnectionOptions(
            tcp_keepalive=address_pb2.TcpKeepalive(keepalive_time={"value": 300})
        ),
        transport_socket=trusting(discovery) if discovery.root_certificate else None,
    )
    cluster.connect_timeout.FromSeconds(1)
    cluster.typed_extension_protocol_options[HTTP_OPTIONS].Pack(http2(discovery.token_secret))
    return cluster


def http2(token_secret: str) -> http_protocol_options_pb2.HttpProtocolOptions:
    """HTTP/2, kept alive, and the filter that adds the token to each request when there is one."""
    http2_options = protocol_pb2.Http2ProtocolOptions()
    http2_options.connection_keepalive.interval.FromSeconds(30)
    http2_options.connection_keepalive.timeout.FromSeconds(10)
    return http_protocol_options_pb2.HttpProtocolOptions(
        explicit_http_config=http_protocol_options_pb2.HttpProtocolOptions.ExplicitHttpConfig(
            http2_protocol_options=http2_options
        ),
        http_filters=[token_filter(token_secret), codec_filter()] if token_secret else [],
    )


def token_filter(token_secret: str) -> hcm_pb2.HttpFilter:
    """Adds `authorization: Bearer ...` from the secret in this file, which Envoy watches."""
    generic = generic_pb2.Generic(
        credential=secret_pb2.SdsSecretConfig(
            name=TOKEN,
            sds_config=config_source_pb2.ConfigSource(
                path_config_source=config_source_pb2.PathConfigSource(path=token_secret),
                resource_api_version=config_source_pb2.V3,
            ),
        ),
        header="authorization",
    )
    return http_filter(
        "envoy.filters.http.credential_injector",
        credential_injector_pb2.CredentialInjector(
            overwrite=True,
            credential=extension("envoy.http.injected_credentials.generic", generic),
        ),
    )


def codec_filter() -> hcm_pb2.HttpFilter:
    """The filter that must end the upstream filters of a cluster."""
    return http_filter("envoy.filters.http.upstream_codec", upstream_codec_pb2.UpstreamCodec())


def token_secret(token: str) -> str:
    """The file from which Envoy takes the token. Replace it by a rename, else Envoy does not notice."""
    secret = {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        "name": TOKEN,
        "generic_secret": {"secret": {"inline_string": f"Bearer {token}"}},
    }
    return json.dumps({"resources": [secret]})


def trusting(discovery: Discovery) -> base_pb2.TransportSocket:
    """TLS to mini-istiod: only a certificate of this root for the control plane's name is believed."""
    validation = common_pb2.CertificateValidationContext(
        trusted_ca=base_pb2.DataSource(filename=discovery.root_certificate),
        match_typed_subject_alt_names=[
            common_pb2.SubjectAltNameMatcher(
                san_type=common_pb2.SubjectAltNameMatcher.DNS,
                matcher=string_pb2.StringMatcher(exact=discovery.server_name),
            )
        ],
    )
    context = tls_pb2.UpstreamTlsContext(
        sni=discovery.server_name,
        common_tls_context=tls_pb2.CommonTlsContext(alpn_protocols=["h2"], validation_context=validation),
    )
    socket = base_pb2.TransportSocket(name="envoy.transport_sockets.tls")
    socket.typed_config.Pack(context)
    return socket


def local_cluster(name: str, port: int) -> cluster_pb2.Cluster:
    """A port of this Envoy's own loopback."""
    cluster = cluster_pb2.Cluster(
        name=name,
        alt_stat_name=f"{name};",
        type=cluster_pb2.Cluster.STATIC,
        load_assignment=assignment(name, LOCALHOST, port),
    )
    cluster.connect_timeout.FromMilliseconds(250)
    return cluster


def stats_and_health(stat_prefix: str, port: int, path: str, admin_path: str) -> listener_pb2.Listener:
    """A listener that shows one path of the admin interface to everyone."""
    route = route_components_pb2.Route(
        match=route_components_pb2.RouteMatch(prefix=path),
        route=route_components_pb2.RouteAction(cluster="prometheus_stats", prefix_rewrite=admin_path),
    )
    manager = hcm_pb2.HttpConnectionManager(
        codec_type=hcm_pb2.HttpConnectionManager.AUTO,
        stat_prefix=stat_prefix,
        route_config=route_pb2.RouteConfiguration(
            virtual_hosts=[route_components_pb2.VirtualHost(name="backend", domains=["*"], routes=[route])]
        ),
        http_filters=[http_filter("envoy.filters.http.router", router_pb2.Router())],
    )
    network_filter = listener_components_pb2.Filter(name="envoy.filters.network.http_connection_manager")
    network_filter.typed_config.Pack(manager)
    return listener_pb2.Listener(
        name=f"0.0.0.0_{port}",
        address=socket_address("0.0.0.0", port),
        ignore_global_conn_limit=True,
        bypass_overload_manager=True,
        filter_chains=[listener_components_pb2.FilterChain(filters=[network_filter])],
    )


def http_filter(name: str, config: Message) -> hcm_pb2.HttpFilter:
    """An HTTP filter with its configuration packed."""
    made = hcm_pb2.HttpFilter(name=name)
    made.typed_config.Pack(config)
    return made


def extension(name: str, config: Message) -> extension_pb2.TypedExtensionConfig:
    """An extension with its configuration packed."""
    made = extension_pb2.TypedExtensionConfig(name=name)
    made.typed_config.Pack(config)
    return made


def assignment(cluster: str, host: str, port: int) -> endpoint_pb2.ClusterLoadAssignment:
    """One endpoint."""
    endpoint = endpoint_components_pb2.Endpoint(address=socket_address(host, port))
    return endpoint_pb2.ClusterLoadAssignment(
        cluster_name=cluster,
        endpoints=[
            endpoint_components_pb2.LocalityLbEndpoints(
                lb_endpoints=[endpoint_components_pb2.LbEndpoint(endpoint=endpoint)]
            )
        ],
    )


def socket_address(host: str, port: int) -> address_pb2.Address:
    """A TCP address; the host may be a name."""
    return address_pb2.Address(socket_address=address_pb2.SocketAddress(address=host, port_value=port))


def is_address(host: str) -> bool:
    """Whether a host is an IP address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
