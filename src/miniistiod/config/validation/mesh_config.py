"""MeshConfig and MeshNetworks: what one source says, laid over the defaults, has to be a mesh that can run.

Source: ValidateMeshConfig and ValidateMeshNetworks in istio's pkg/config/validation/agent.
"""

from __future__ import annotations

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.mesh.network_pb2 import MeshNetworks, Network
from miniistiod.api.istio.mesh.proxy_pb2 import ProxyConfig
from miniistiod.config.mesh_config import mesh_config
from miniistiod.config.objects import Object
from miniistiod.config.validation import names, values
from miniistiod.config.validation.client_tls import client_tls
from miniistiod.config.validation.connection_pool import connection_pool
from miniistiod.config.validation.finding import Complaint, Findings, Steps, at, error, warning
from miniistiod.config.validation.load_balancer import locality, zone_aware
from miniistiod.config.validation.outlier_detection import outlier_detection

HOUR = 3600 * 1_000_000_000
SECOND, MILLISECOND = 1_000_000_000, 1_000_000
CURVES = frozenset(
    ("P-224", "P-256", "P-521", "P-384", "X25519", "X25519Kyber768Draft00", "X25519MLKEM768", "")
)


def rules(one: Object[MeshConfig]) -> Findings:
    """Everything istiod says about the configuration of a mesh."""
    mesh = mesh_config([one])
    yield from at(("proxyListenPort",), values.port(mesh.proxy_listen_port))
    yield from _times(mesh)
    yield from _proxy(mesh.default_config, ("defaultConfig",))
    yield from locality(mesh.locality_lb_setting, ("localityLbSetting",), ejects=True)
    yield from zone_aware(mesh.zone_aware_lb_setting, ("zoneAwareLbSetting",), ejects=True)
    for index, settings in enumerate(mesh.service_settings):
        for number, host in enumerate(settings.hosts):
            yield from at(("serviceSettings", index, "hosts", number), names.wildcard_host(host))
    yield from at(("trustDomain",), _trust_domain(mesh.trust_domain))
    for index, alias in enumerate(one.message.trust_domain_aliases):
        yield from at(("trustDomainAliases", index), _trust_domain(alias))
    yield from _tls(mesh)
    yield from _traffic(mesh)


def _times(mesh: MeshConfig) -> Findings:
    timeout = mesh.connect_timeout
    yield from at(("connectTimeout",), values.duration(timeout))
    if values.nanoseconds(timeout) > HOUR:
        yield from error(("connectTimeout",), "more than an hour", "write a shorter time, such as 10s")
    if values.nanoseconds(mesh.protocol_detection_timeout) % MILLISECOND:
        yield from error(("protocolDetectionTimeout",), "parts of a millisecond", "round it to milliseconds")


def _trust_domain(domain: str) -> Complaint | None:
    parts = domain.split(".")
    labels = parts[:-1] if len(parts) > 1 and not parts[-1] else parts
    if all(names.is_dns_label(label) for label in labels):
        return None
    return Complaint(f'"{domain}" is no trust domain', "write a domain name, such as cluster.local")


def _tls(mesh: MeshConfig) -> Findings:
    if mesh.mesh_mTLS.ecdh_curves:
        message = "the curves of mutual TLS in the mesh cannot be chosen"
        yield from error(("meshMTLS", "ecdhCurves"), message, "remove it, or write tlsDefaults")
    for index, curve in enumerate(mesh.tls_defaults.ecdh_curves):
        here: Steps = ("tlsDefaults", "ecdhCurves", index)
        if curve not in CURVES:
            yield from warning(
                here, f"there is no curve {curve}", f"write one of {', '.join(sorted(CURVES - {''}))}"
            )
        elif curve in mesh.tls_defaults.ecdh_curves[:index]:
            yield from warning(here, f"{curve} stands here already", "remove it")


def _traffic(mesh: MeshConfig) -> Findings:
    policy = mesh.default_traffic_policy
    if policy.HasField("connection_pool"):
        yield from connection_pool(policy.connection_pool, ("defaultTrafficPolicy", "connectionPool"))
    if policy.HasField("outlier_detection"):
        yield from outlier_detection(policy.outlier_detection, ("defaultTrafficPolicy", "outlierDetection"))


def _proxy(config: ProxyConfig, steps: Steps) -> Findings:
    """defaultConfig, which every proxy begins with."""
    for field, name in (("config_path", "configPath"), ("binary_path", "binaryPath")):
        if not getattr(config, field):
            yield from error((*steps, name), f"{name} is empty", f"remove {name}")
    if config.WhichOneof("cluster_name") == "service_cluster" and not config.service_cluster:
        yield from error((*steps, "serviceCluster"), "serviceCluster is empty", "remove it")
    yield from at((*steps, "drainDuration"), values.duration(config.drain_duration))
    if values.nanoseconds(config.drain_duration) % SECOND:
        yield from error((*steps, "drainDuration"), "parts of a second", "round it to seconds")
    yield from at((*steps, "discoveryAddress"), _address(config.discovery_address))
    yield from _tracing(config, (*steps, "tracing"))
    if config.statsd_udp_address:
        yield from at((*steps, "statsdUdpAddress"), _address(config.statsd_udp_address))
    for field, name in (
        ("envoy_metrics_service", "envoyMetricsService"),
        ("envoy_access_log_service", "envoyAccessLogService"),
    ):
        if address := getattr(config, field).address:
            yield from at((*steps, name, "address"), _address(address))
    yield from at((*steps, "proxyAdminPort"), values.port(config.proxy_admin_port))
    yield from at((*steps, "statusPort"), values.port(config.status_port))


def _tracing(config: ProxyConfig, steps: Steps) -> Findings:
    tracing = config.tracing
    for name in ("zipkin", "lightstep", "datadog"):
        if tracing.HasField(name):
            address = getattr(tracing, name).address.replace("$(HOST_IP)", "127.0.0.1")
            yield from at((*steps, name, "address"), _address(address))
    if tracing.HasField("lightstep") and not tracing.lightstep.access_token:
        yield from error((*steps, "lightstep"), "accessToken is missing", "add accessToken")
    if tracing.HasField("tls_settings"):
        yield from client_tls(tracing.tls_settings, (*steps, "tlsSettings"), "")


def _address(text: str) -> Complaint | None:
    """HOST:PORT."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdigit():
        return Complaint(f'"{text}" has no port', "write HOST:PORT")
    if wrong := values.port(int(port)):
        return wrong
    return None if names.is_address(host) else names.fqdn(host)


def network_rules(one: Object[MeshNetworks]) -> Findings:
    """Everything istiod says about the networks of a mesh."""
    for name, network in sorted(one.message.networks.items()):
        yield from _network(network, ("networks", name))


def _network(network: Network, steps: Steps) -> Findings:
    for index, endpoint in enumerate(network.endpoints):
        here = (*steps, "endpoints", index)
        if endpoint.HasField("from_cidr"):
            yield from at((*here, "fromCidr"), values.subnet(endpoint.from_cidr))
        elif endpoint.HasField("from_registry"):
            yield from at(
                (*here, "fromRegistry"), names.dns_label(endpoint.from_registry, "name of a registry")
            )
    for index, gateway in enumerate(network.gateways):
        here = (*steps, "gateways", index)
        if gateway.HasField("registry_service_name"):
            yield from at((*here, "registryServiceName"), names.fqdn(gateway.registry_service_name))
        elif not names.is_address(gateway.address):
            yield from at((*here, "address"), names.fqdn(gateway.address))
        yield from at((*here, "port"), values.port(gateway.port))
