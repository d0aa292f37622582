"""What becomes of each field of Istio's kinds: the two lists of those that do nothing here, with the reason.

Every field that stands in neither is translated; tests/support proves that by taking it out of a mesh.
A field is named MESSAGE.FIELD; `MESSAGE.*` are all fields of a message.
"""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.descriptor import Descriptor, FieldDescriptor

IGNORED: Mapping[str, str] = {
    "Certificate.*": "istiod no longer issues certificates for webhooks",
    "EnvoyFilter.ListenerMatch.FilterChainMatch.transportSocket": "istiod never reads it",
    "EnvoyFilter.ListenerMatch.portName": "istiod matches listeners by portNumber and name",
    "EnvoyFilter.Patch.filterClass": "istiod places filters by the operation alone",
    "HTTPFaultInjection.Abort.http2Error": "Istio never implemented it; use httpStatus",
    "HTTPFaultInjection.Delay.exponentialDelay": "Istio never implemented it; use fixedDelay",
    "HTTPFaultInjection.Delay.percent": "istiod reads `percentage`",
    "IstioIngressListener.tls": "istiod reads it only with ENABLE_TLS_ON_SIDECAR_INGRESS, off by default",
    "L4MatchAttributes.sourceSubnet": "istiod never reads it",
    "MeshConfig.ExtensionProvider.EnvoyExternalAuthorizationGrpcProvider.clearRouteCache": "not read",
    "MeshConfig.ExtensionProvider.EnvoyExternalAuthorizationHttpProvider.clearRouteCache": "not read",
    "MeshConfig.ExtensionProvider.OpenCensusAgentTracingProvider.*": "OpenCensus was removed from Envoy",
    "MeshConfig.ExtensionProvider.opencensus": "OpenCensus was removed from Envoy",
    "MeshConfig.ExtensionProvider.LightstepTracingProvider.*": "Lightstep was removed from Envoy",
    "MeshConfig.ExtensionProvider.lightstep": "Lightstep was removed from Envoy; use opentelemetry",
    "MeshConfig.ExtensionProvider.ZipkinTracingProvider.enable64bitTraceId": "always 128 bits",
    "MeshConfig.certificates": "istiod no longer issues certificates for webhooks",
    "MeshConfig.verifyCertificateAtClient": "istiod never reads it; set caCertificates in a DestinationRule",
    "Network.IstioNetworkGateway.locality": "istiod chooses gateways by network alone",
    "OutlierDetection.consecutiveErrors": "istiod reads consecutive5xxErrors and consecutiveGatewayErrors",
    "PolicyTargetReference.namespace": "a policy's target is always in its own namespace",
    "Port.targetPort": "istiod never reads it",
    "ProxyConfig.ConnectionSettings.clusterPerConnectionBufferLimitBytes": "Istio only checks it",
    "ProxyConfig.ConnectionSettings.listenerConnectionLimit": "Istio only checks it",
    "SDS.*": "secrets always come by SDS",
    "Server.defaultEndpoint": "Istio never implemented it",
    "ServerTLSSettings.TLSCertificate.caCertificates": "istiod reads caCertificates of the whole tls",
    "SidecarPort.targetPort": "istiod never reads it",
}
"""istiod does nothing with these either."""

ECDS = "filters of extensions (Wasm, Lua) are not delivered yet; EnvoyFilter can insert them"
BOOTSTRAP = "it belongs to the bootstrap that Istio's agent writes; ours is `miniistiod bootstrap`"
PROVIDER = "this tracing or logging provider is not translated; opentelemetry and zipkin are"
KUBERNETES = "it is about Kubernetes objects that only istiod in a cluster looks after"
AMBIENT = "ambient mesh (ztunnel, waypoints) is not offered"
INJECTION = "it belongs to what Istio's injector puts into a Pod; ours is `miniistiod bootstrap`"
REGISTRATION = "workloads do not register themselves; write a WorkloadEntry"
PROBES = "health checks of virtual machines are the Istio agent's work"

NOT_SUPPORTED: Mapping[str, str] = {
    "ConfigSource.*": "configuration comes from files",
    "EnvoyFilter.EnvoyConfigObjectMatch.waypoint": AMBIENT,
    "EnvoyFilter.WaypointMatch.*": AMBIENT,
    "EnvoyFilter.WaypointMatch.FilterMatch.*": AMBIENT,
    "EnvoyFilter.WaypointMatch.FilterMatch.SubFilterMatch.*": AMBIENT,
    "EnvoyFilter.WaypointMatch.RouteMatch.*": AMBIENT,
    "EnvVar.*": ECDS,
    "ExecHealthCheckConfig.*": PROBES,
    "GrpcHealthCheckConfig.*": PROBES,
    "HTTPHeader.*": PROBES,
    "HTTPHealthCheckConfig.*": PROBES,
    "JWTRule.presence": "not translated yet: a missing token always passes the check of the token",
    "LoadBalancerSettings.BackendUtilizationLB.*": "load reports by backends are not translated yet",
    "LoadBalancerSettings.backendUtilization": "load reports by backends are not translated yet",
    "LuaConfig.*": ECDS,
    "MeshConfig.CA.*": "the authority is mini-istiod itself; see `serve --cacerts`",
    "MeshConfig.CertificateData.*": "further roots are not taken from MeshConfig; see `serve --cacerts`",
    "MeshConfig.ExtensionProvider.DatadogTracingProvider.*": PROVIDER,
    "MeshConfig.ExtensionProvider.HttpHeader.envName": "not read from the environment; use `value`",
    "MeshConfig.ExtensionProvider.SDSProvider.*": "secrets come from mini-istiod alone",
    "MeshConfig.ExtensionProvider.SkyWalkingTracingProvider.*": PROVIDER,
    "MeshConfig.ExtensionProvider.StackdriverProvider.*": PROVIDER,
    "MeshConfig.ExtensionProvider.StackdriverProvider.Logging.*": PROVIDER,
    "MeshConfig.ExtensionProvider.datadog": PROVIDER,
    "MeshConfig.ExtensionProvider.sds": "secrets come from mini-istiod alone",
    "MeshConfig.ExtensionProvider.skywalking": PROVIDER,
    "MeshConfig.ExtensionProvider.stackdriver": PROVIDER,
    "MeshConfig.ServiceScopeConfigs.*": AMBIENT,
    "MeshConfig.ServiceSettings.*": "there is one cluster only",
    "MeshConfig.ServiceSettings.Settings.*": "there is one cluster only",
    "MeshConfig.ca": "the authority is mini-istiod itself; see `serve --cacerts`",
    "MeshConfig.caCertificates": "further roots are not taken from MeshConfig; see `serve --cacerts`",
    "MeshConfig.configSources": "configuration comes from files",
    "MeshConfig.enablePrometheusMerge": BOOTSTRAP,
    "MeshConfig.hboneIdleTimeout": AMBIENT,
    "MeshConfig.ingressClass": KUBERNETES,
    "MeshConfig.ingressControllerMode": KUBERNETES,
    "MeshConfig.ingressSelector": KUBERNETES,
    "MeshConfig.ingressService": KUBERNETES,
    "MeshConfig.serviceScopeConfigs": AMBIENT,
    "MeshConfig.serviceSettings": "there is one cluster only",
    "PrivateKeyProvider.*": "no hardware that keeps private keys",
    "PrivateKeyProvider.CryptoMb.*": "no hardware that keeps private keys",
    "PrivateKeyProvider.QAT.*": "no hardware that keeps private keys",
    "ProxyConfig.ProxyStatsMatcher.*": BOOTSTRAP,
    "ProxyConfig.availabilityZone": BOOTSTRAP,
    "ProxyConfig.binaryPath": BOOTSTRAP,
    "ProxyConfig.caCertificatesPem": BOOTSTRAP,
    "ProxyConfig.configPath": BOOTSTRAP,
    "ProxyConfig.controlPlaneAuthPolicy": BOOTSTRAP,
    "ProxyConfig.customConfigFile": BOOTSTRAP,
    "ProxyConfig.discoveryAddress": BOOTSTRAP,
    "ProxyConfig.discoveryRefreshDelay": BOOTSTRAP,
    "ProxyConfig.drainDuration": BOOTSTRAP,
    "ProxyConfig.envoyAccessLogService": BOOTSTRAP,
    "ProxyConfig.envoyMetricsService": BOOTSTRAP,
    "ProxyConfig.envoyMetricsServiceAddress": BOOTSTRAP,
    "ProxyConfig.extraStatTags": BOOTSTRAP,
    "ProxyConfig.fileFlushInterval": BOOTSTRAP,
    "ProxyConfig.fileFlushMinSizeKb": BOOTSTRAP,
    "ProxyConfig.holdApplicationUntilProxyStarts": BOOTSTRAP,
    "ProxyConfig.interceptionMode": BOOTSTRAP,
    "ProxyConfig.proxyAdminPort": BOOTSTRAP,
    "ProxyConfig.proxyBootstrapTemplatePath": BOOTSTRAP,
    "ProxyConfig.proxyStatsMatcher": BOOTSTRAP,
    "ProxyConfig.readinessProbe": BOOTSTRAP,
    "ProxyConfig.runtimeValues": BOOTSTRAP,
    "ProxyConfig.sds": BOOTSTRAP,
    "ProxyConfig.serviceCluster": BOOTSTRAP,
    "ProxyConfig.statNameLength": BOOTSTRAP,
    "ProxyConfig.statsCompression": BOOTSTRAP,
    "ProxyConfig.statsdUdpAddress": BOOTSTRAP,
    "ProxyConfig.statusPort": BOOTSTRAP,
    "ProxyConfig.terminationDrainDuration": BOOTSTRAP,
    "ProxyConfig.tracingServiceName": BOOTSTRAP,
    "ProxyConfig.zipkinAddress": BOOTSTRAP,
    "ProxyConfig.privateKeyProvider": "no hardware that keeps private keys",
    "ProxyConfig.ConnectionSettings.globalDownstreamConnectionLimit": BOOTSTRAP,
    "ProxyConfig.concurrency": BOOTSTRAP,
    "ProxyConfig.environmentVariables": BOOTSTRAP,
    "ProxyConfig.meshId": BOOTSTRAP,
    "ProxyConfig.proxyMetadata": BOOTSTRAP,
    "ProxyConfig.selector": BOOTSTRAP,
    "ProxyConfig.image": INJECTION,
    "ProxyImage.imageType": INJECTION,
    "ReadinessProbe.*": PROBES,
    "RemoteService.*": BOOTSTRAP,
    "TCPHealthCheckConfig.*": PROBES,
    "TrafficExtension.*": ECDS,
    "TrafficSelector.*": ECDS,
    "Tracing.Datadog.*": PROVIDER,
    "Tracing.Lightstep.*": PROVIDER,
    "Tracing.OpenCensusAgent.*": PROVIDER,
    "Tracing.Stackdriver.*": PROVIDER,
    "Tracing.datadog": PROVIDER,
    "Tracing.lightstep": PROVIDER,
    "Tracing.openCensusAgent": PROVIDER,
    "Tracing.stackdriver": PROVIDER,
    "Tracing.Zipkin.address": BOOTSTRAP,
    "Tracing.disableContextPropagation": "the Envoy API that we are built with has no field for it",
    "Tracing.tlsSettings": BOOTSTRAP,
    "Tracing.zipkin": BOOTSTRAP,
    "VmConfig.*": ECDS,
    "WasmConfig.*": ECDS,
    "WasmPlugin.*": ECDS,
    "WasmPlugin.TrafficSelector.*": ECDS,
    "WorkloadGroup.ObjectMeta.annotations": REGISTRATION,
    "WorkloadGroup.ObjectMeta.labels": REGISTRATION,
    "WorkloadGroup.metadata": REGISTRATION,
    "WorkloadGroup.template": REGISTRATION,
    "WorkloadGroup.probe": PROBES,
}
"""istiod acts on these, mini-istiod does not (yet)."""


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


def listed(name: str, reasons: Mapping[str, str]) -> str | None:
    """Why a field is on a list, None when it is not."""
    return reasons.get(name) or reasons.get(f"{name.rpartition('.')[0]}.*")
