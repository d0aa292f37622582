"""What becomes of each field of Istio's kinds: the two lists of those that do nothing here, with the reason.

Every field that stands in neither is translated; tests/support proves that by taking it out of a mesh.
A field is named MESSAGE.FIELD; `MESSAGE.*` are all fields of a message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor


class Fate(NamedTuple):
    """Why a field does nothing, and what does what it is meant to do."""

    reason: str
    instead: str


OPTION = "give it to Envoy as an option when you start it"
NODE = "write it into the Node of the bootstrap that `miniistiod bootstrap` prints"
BOOTSTRAP_FILE = "change the bootstrap that `miniistiod bootstrap` prints"
REMOVE = "remove it"

NO_WEBHOOKS = Fate("istiod no longer issues certificates for webhooks: nobody reads it", "use cert-manager")
OPENCENSUS = Fate(
    "OpenCensus was removed from Envoy: istiod gives no traces by it", "use an opentelemetry provider"
)
LIGHTSTEP = Fate(
    "Lightstep was removed from Envoy: istiod gives no traces by it", "use an opentelemetry provider"
)
STACKDRIVER = Fate("istiod traces, counts and logs nothing for it any more", "use an opentelemetry provider")
VERIFICATION = Fate("istiod never reads it", "pin the module by its sha256")
UTILIZATION = Fate(
    "istiod does not read it yet and balances by LEAST_REQUEST", "use simple or consistentHash"
)
ROUTE_CACHE = Fate(
    "istiod does not hand it to Envoy's ext_authz filter",
    "MERGE clear_route_cache into envoy.filters.http.ext_authz by an EnvoyFilter",
)
CHECKED_ONLY = Fate("istiod checks that it is positive and never uses it", "use an EnvoyFilter")
TARGET_PORT = Fate(
    "istiod's webhook refuses it, and nothing would read it",
    "remove it; a ServiceEntry has targetPort, a Sidecar defaultEndpoint",
)

IGNORED: Mapping[str, Fate] = {
    "Certificate.*": NO_WEBHOOKS,
    "EnvoyFilter.ListenerMatch.FilterChainMatch.transportSocket": Fate(
        "istiod's matching of filter chains does not look at it", "match by transportProtocol or by the name"
    ),
    "EnvoyFilter.ListenerMatch.portName": Fate(
        "istiod matches listeners by name and portNumber; only routeConfiguration has a portName that counts",
        "write portNumber",
    ),
    "EnvoyFilter.Patch.filterClass": Fate(
        "nobody reads it: the operation alone places a filter",
        "use INSERT_BEFORE or INSERT_AFTER and name the neighbour in match",
    ),
    "HTTPFaultInjection.Abort.http2Error": Fate("istiod leaves such an abort out", "use httpStatus"),
    "HTTPFaultInjection.Delay.exponentialDelay": Fate("istiod leaves such a delay out", "use fixedDelay"),
    "IstioIngressListener.tls": Fate(
        "istiod reads it only with ENABLE_TLS_ON_SIDECAR_INGRESS, off by default and not offered here",
        "let a Gateway end the TLS, or rely on the mesh's mutual TLS",
    ),
    "JWTRule.presence": Fate(
        "istiod does not read it yet: a request without a token passes",
        "require the token by an AuthorizationPolicy with requestPrincipals",
    ),
    "L4MatchAttributes.sourceSubnet": Fate(
        "istiod never reads it: a rule with it takes connections from everywhere",
        "use sourceLabels, or ipBlocks of an AuthorizationPolicy",
    ),
    "LoadBalancerSettings.BackendUtilizationLB.*": UTILIZATION,
    "LoadBalancerSettings.backendUtilization": UTILIZATION,
    "MeshConfig.ExtensionProvider.EnvoyExternalAuthorizationGrpcProvider.clearRouteCache": ROUTE_CACHE,
    "MeshConfig.ExtensionProvider.EnvoyExternalAuthorizationHttpProvider.clearRouteCache": ROUTE_CACHE,
    "MeshConfig.ExtensionProvider.OpenCensusAgentTracingProvider.*": OPENCENSUS,
    "MeshConfig.ExtensionProvider.opencensus": OPENCENSUS,
    "MeshConfig.ExtensionProvider.LightstepTracingProvider.*": LIGHTSTEP,
    "MeshConfig.ExtensionProvider.lightstep": LIGHTSTEP,
    "MeshConfig.ExtensionProvider.SkyWalkingTracingProvider.accessToken": Fate(
        "istiod never reads it", "let the collector take spans without a token"
    ),
    "MeshConfig.ExtensionProvider.StackdriverProvider.*": STACKDRIVER,
    "MeshConfig.ExtensionProvider.StackdriverProvider.Logging.*": STACKDRIVER,
    "MeshConfig.ExtensionProvider.stackdriver": STACKDRIVER,
    "MeshConfig.certificates": NO_WEBHOOKS,
    "MeshConfig.verifyCertificateAtClient": Fate(
        "nobody reads it", "set tls.caCertificates in a DestinationRule of the host"
    ),
    "Network.IstioNetworkGateway.locality": Fate(
        "istiod takes all gateways of a network, near or far", "give each network only the gateways you want"
    ),
    "OutlierDetection.consecutiveErrors": Fate(
        "istiod only warns of it", "use consecutive5xxErrors or consecutiveGatewayErrors"
    ),
    "PolicyTargetReference.namespace": Fate(
        "istiod's webhook refuses it: a target is always in the policy's own namespace",
        "remove it, and write the policy into the target's namespace",
    ),
    "Port.targetPort": TARGET_PORT,
    "ProxyConfig.ConnectionSettings.clusterPerConnectionBufferLimitBytes": CHECKED_ONLY,
    "ProxyConfig.ConnectionSettings.listenerConnectionLimit": CHECKED_ONLY,
    "ProxyConfig.availabilityZone": Fate(
        "nobody reads it", "label the node or the workload with its locality"
    ),
    "ProxyConfig.discoveryRefreshDelay": Fate("nobody reads it: Envoy's streams stay open", REMOVE),
    "ProxyConfig.sds": Fate("nobody reads it: secrets always come by SDS", REMOVE),
    "ProxyConfig.statNameLength": Fate("nobody reads it: Envoy limits no names of statistics", REMOVE),
    "ProxyConfig.zipkinAddress": Fate("nobody reads it", "write tracing: {zipkin: {address: ...}}"),
    "SDS.*": Fate("nobody reads it: secrets always come by SDS", REMOVE),
    "Server.defaultEndpoint": Fate(
        "nobody reads it: a Gateway forwards what a VirtualService says", "write a VirtualService"
    ),
    "ServerTLSSettings.TLSCertificate.caCertificates": Fate(
        "istiod reads caCertificates of the whole tls", "write tls.caCertificates"
    ),
    "SidecarPort.targetPort": TARGET_PORT,
    "Tracing.Lightstep.*": LIGHTSTEP,
    "Tracing.OpenCensusAgent.*": OPENCENSUS,
    "Tracing.Stackdriver.*": STACKDRIVER,
    "Tracing.lightstep": LIGHTSTEP,
    "Tracing.openCensusAgent": OPENCENSUS,
    "Tracing.stackdriver": STACKDRIVER,
    "WasmConfig.verificationKey": VERIFICATION,
    "WasmPlugin.verificationKey": VERIFICATION,
}
"""istiod, as it is installed, does nothing with these either."""

BOOTSTRAP = Fate("Istio's agent writes it into Envoy's bootstrap, and no agent runs here", BOOTSTRAP_FILE)
AGENT = Fate("Istio's agent reads it when it starts Envoy, and no agent runs here", OPTION)
METADATA = Fate(
    "Istio's injector and agent make the Node's metadata of it; here only `analyze` and the lab look at it",
    NODE,
)
INGRESS = Fate("Kubernetes Ingress is not read", "write a Gateway and a VirtualService")
AMBIENT = Fate("ambient mesh (ztunnel, waypoints) is not offered", "use sidecars")
INJECTION = Fate(
    "Istio's injector reads it when it changes a Pod, and nothing is injected here",
    "start the proxy as you want it: `miniistiod bootstrap`",
)
REGISTRATION = Fate("workloads do not register themselves by a group", "write a WorkloadEntry for each")
PROBES = Fate(
    "Istio's agent on a virtual machine makes these health checks",
    "use outlierDetection of a DestinationRule",
)
AUTHORITY = Fate("the certificate authority is mini-istiod itself", "give it yours: `serve --cacerts`")
ROOTS = Fate(
    "istiod reads it only with ISTIO_MULTIROOT_MESH, off by default, or when another authority signs",
    "put all roots into root-cert.pem of `serve --cacerts`",
)
SOURCES = Fate("configuration comes from files", "give the files or folders to `serve --config`")
ONE_CLUSTER = Fate("there is one cluster, so each service is local to it", REMOVE)
HARDWARE = Fate(
    "it needs Intel hardware and Envoy's contrib build; keys are sent as they are",
    "remove it: TLS works the same",
)
SDS_PROVIDER = Fate("secrets come from mini-istiod alone", "write a Secret, or use `serve --secret-folder`")
TEMPLATE = Fate("Istio's agent makes the bootstrap from it, and no agent runs here", BOOTSTRAP_FILE)

NOT_SUPPORTED: Mapping[str, Fate] = {
    "ConfigSource.*": SOURCES,
    "EnvoyFilter.EnvoyConfigObjectMatch.waypoint": AMBIENT,
    "EnvoyFilter.WaypointMatch.*": AMBIENT,
    "EnvoyFilter.WaypointMatch.FilterMatch.*": AMBIENT,
    "EnvoyFilter.WaypointMatch.FilterMatch.SubFilterMatch.*": AMBIENT,
    "EnvoyFilter.WaypointMatch.RouteMatch.*": AMBIENT,
    "ExecHealthCheckConfig.*": PROBES,
    "GrpcHealthCheckConfig.*": PROBES,
    "HTTPHeader.*": PROBES,
    "HTTPHealthCheckConfig.*": PROBES,
    "MeshConfig.CA.*": AUTHORITY,
    "MeshConfig.CertificateData.certSigners": ROOTS,
    "MeshConfig.CertificateData.pem": ROOTS,
    "MeshConfig.CertificateData.spiffeBundleUrl": ROOTS,
    "MeshConfig.ExtensionProvider.SDSProvider.*": SDS_PROVIDER,
    "MeshConfig.ExtensionProvider.sds": SDS_PROVIDER,
    "MeshConfig.ServiceScopeConfigs.*": AMBIENT,
    "MeshConfig.ServiceSettings.*": ONE_CLUSTER,
    "MeshConfig.ServiceSettings.Settings.*": ONE_CLUSTER,
    "MeshConfig.ca": AUTHORITY,
    "MeshConfig.configSources": SOURCES,
    "MeshConfig.enablePrometheusMerge": INJECTION,
    "MeshConfig.hboneIdleTimeout": AMBIENT,
    "MeshConfig.ingressClass": INGRESS,
    "MeshConfig.ingressControllerMode": INGRESS,
    "MeshConfig.ingressSelector": INGRESS,
    "MeshConfig.ingressService": INGRESS,
    "MeshConfig.serviceScopeConfigs": AMBIENT,
    "MeshConfig.serviceSettings": ONE_CLUSTER,
    "PrivateKeyProvider.*": HARDWARE,
    "PrivateKeyProvider.CryptoMb.*": HARDWARE,
    "PrivateKeyProvider.QAT.*": HARDWARE,
    "ProxyConfig.binaryPath": AGENT,
    "ProxyConfig.caCertificatesPem": AGENT,
    "ProxyConfig.configPath": AGENT,
    "ProxyConfig.controlPlaneAuthPolicy": AGENT,
    "ProxyConfig.customConfigFile": AGENT,
    "ProxyConfig.discoveryAddress": AGENT,
    "ProxyConfig.drainDuration": AGENT,
    "ProxyConfig.envoyAccessLogService": BOOTSTRAP,
    "ProxyConfig.envoyMetricsService": BOOTSTRAP,
    "ProxyConfig.envoyMetricsServiceAddress": BOOTSTRAP,
    "ProxyConfig.extraStatTags": BOOTSTRAP,
    "ProxyConfig.fileFlushInterval": AGENT,
    "ProxyConfig.fileFlushMinSizeKb": AGENT,
    "ProxyConfig.holdApplicationUntilProxyStarts": INJECTION,
    "ProxyConfig.interceptionMode": METADATA,
    "ProxyConfig.proxyAdminPort": AGENT,
    "ProxyConfig.proxyBootstrapTemplatePath": TEMPLATE,
    "ProxyConfig.readinessProbe": PROBES,
    "ProxyConfig.runtimeValues": BOOTSTRAP,
    "ProxyConfig.statsCompression": BOOTSTRAP,
    "ProxyConfig.statsdUdpAddress": BOOTSTRAP,
    "ProxyConfig.statusPort": AGENT,
    "ProxyConfig.terminationDrainDuration": AGENT,
    "ProxyConfig.privateKeyProvider": HARDWARE,
    "ProxyConfig.ConnectionSettings.globalDownstreamConnectionLimit": BOOTSTRAP,
    "ProxyConfig.concurrency": AGENT,
    "ProxyConfig.environmentVariables": METADATA,
    "ProxyConfig.meshId": METADATA,
    "ProxyConfig.proxyMetadata": METADATA,
    "ProxyConfig.selector": METADATA,
    "ProxyConfig.image": INJECTION,
    "ProxyImage.imageType": INJECTION,
    "ReadinessProbe.*": PROBES,
    "RemoteService.*": BOOTSTRAP,
    "TCPHealthCheckConfig.*": PROBES,
    "Tracing.tlsSettings": BOOTSTRAP,
    "WorkloadGroup.ObjectMeta.annotations": REGISTRATION,
    "WorkloadGroup.ObjectMeta.labels": REGISTRATION,
    "WorkloadGroup.metadata": REGISTRATION,
    "WorkloadGroup.template": REGISTRATION,
    "WorkloadGroup.probe": PROBES,
}
"""istiod, its agent or its injector act on these, mini-istiod does not."""


def field_name(field: FieldDescriptor) -> str:
    """`HTTPRoute.timeout`; a message in a message has both names: `EnvoyFilter.Patch.value`."""
    message = field.containing_type
    assert message is not None, "a field of a message, not an extension"
    return f"{message.full_name.removeprefix(f'{message.file.package}.')}.{field.json_name}"


def inner(field: FieldDescriptor) -> Descriptor | None:
    """The message inside a field, behind a map or a list as well."""
    found = field.message_type
    if found is not None and found.GetOptions().map_entry:
        return found.fields_by_name["value"].message_type
    return found


def listed(name: str, reasons: Mapping[str, Fate]) -> Fate | None:
    """Why a field is on a list, None when it is not."""
    return reasons.get(name) or reasons.get(f"{name.rpartition('.')[0]}.*")
