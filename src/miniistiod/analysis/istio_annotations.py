"""Istio's annotations on Kubernetes objects: unknown, misplaced, out of date, unreadable.

The names and where they belong are those of Istio's public list of annotations.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping

from miniistiod.analysis.message import INFO, WARNING, message
from miniistiod.analysis.world import World
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import AnyObject

KINDS = ("Namespace", "Service", "Pod", "Deployment")
ANYWHERE: tuple[str, ...] = ()
POD, SERVICE, GATEWAY, ENTRY = ("Pod",), ("Service",), ("Gateway",), ("WorkloadEntry",)
SIDECAR, CAPTURE = "sidecar.istio.io/", "traffic.sidecar.istio.io/"
READINESS = "readiness.status.sidecar.istio.io/"

PLACES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (f"{SIDECAR}{name}" for name in (
            "agentLogLevel", "bootstrapOverride", "componentLogLevel", "discoveryAddress", "extraStatTags",
            "inject", "interceptionMode", "logLevel", "nativeSidecar", "proxyCPU", "proxyCPULimit",
            "proxyImage", "proxyImageType", "proxyMemory", "proxyMemoryLimit", "rewriteAppHTTPProbers",
            "statsCompression",
            "statsEvictionInterval", "statsFlushInterval", "statsHistogramBins", "statsHistogramBuckets",
            "statsInclusionPrefixes", "statsInclusionRegexps", "statsInclusionSuffixes", "userVolume",
            "userVolumeMount",
        )),
        POD,
    ),
    **dict.fromkeys(
        (f"{CAPTURE}{name}" for name in (
            "excludeInboundPorts", "excludeInterfaces", "excludeOutboundIPRanges", "excludeOutboundPorts",
            "includeInboundPorts", "includeOutboundIPRanges", "includeOutboundPorts", "kubevirtInterfaces",
        )),
        POD,
    ),
    **dict.fromkeys(
        (f"{READINESS}{name}" for name in (
            "applicationPorts", "failureThreshold", "initialDelaySeconds", "periodSeconds",
        )),
        POD,
    ),
    **dict.fromkeys(
        (
            "ambient.istio.io/bypass-inbound-capture", "ambient.istio.io/dns-capture",
            "ambient.istio.io/redirection", "inject.istio.io/templates",
            "istio.io/reroute-virtual-interfaces", "prometheus.istio.io/merge-metrics",
            "proxy.istio.io/config", "proxy.istio.io/overrides",
            "status.sidecar.istio.io/port",
        ),
        POD,
    ),
    **dict.fromkeys(
        (
            "alpha.istio.io/canonical-serviceaccounts", "alpha.istio.io/kubernetes-serviceaccounts",
            "networking.istio.io/exportTo", "traffic.istio.io/nodeSelector",
        ),
        SERVICE,
    ),
    **dict.fromkeys(
        (
            "gateway.istio.io/name-override", "gateway.istio.io/service-account",
            "networking.istio.io/service-type",
        ),
        GATEWAY,
    ),
    **dict.fromkeys(
        (
            "istio.io/autoRegistrationGroup", "istio.io/connectedAt", "istio.io/disconnectedAt",
            "istio.io/workloadController",
        ),
        ENTRY,
    ),
    "ambient.istio.io/waypoint-inbound-binding": ("GatewayClass", "Gateway"),
    "galley.istio.io/analyze-suppress": ANYWHERE,
    "istio.io/dry-run": ("AuthorizationPolicy",),
    "istio.io/use-waypoint-canary-weight": ("Service", "ServiceEntry", "Namespace"),
    "kubernetes.io/ingress.class": ("Ingress",),
    "networking.istio.io/traffic-distribution": ("Namespace", "Service", "ServiceEntry"),
    "topology.istio.io/controlPlaneClusters": ("Namespace",),
}  # fmt: skip
"""Annotation → the kinds it belongs on."""

SET_BY_ISTIO = ("gateway.istio.io/controller-version", "istio.io/rev", "sidecar.istio.io/status")
IN_CONFIG = "into the annotation proxy.istio.io/config"
OUT_OF_DATE: Mapping[str, str] = {
    "alpha.istio.io/canonical-serviceaccounts": "remove it",
    "alpha.istio.io/kubernetes-serviceaccounts": "remove it",
    "sidecar.istio.io/discoveryAddress": f"write discoveryAddress {IN_CONFIG}",
    "sidecar.istio.io/extraStatTags": f"write extraStatTags {IN_CONFIG}",
    "sidecar.istio.io/inject": "use the label sidecar.istio.io/inject",
    "sidecar.istio.io/statsCompression": f"write statsCompression {IN_CONFIG}",
    **{
        f"sidecar.istio.io/statsInclusion{each}": f"write proxyStatsMatcher {IN_CONFIG}"
        for each in ("Prefixes", "Regexps", "Suffixes")
    },
    "traffic.sidecar.istio.io/kubevirtInterfaces": "use the annotation istio.io/reroute-virtual-interfaces",
}


def is_number(text: str) -> bool:
    """Whether it is a whole number of 32 bits."""
    return text.isascii() and text.isdigit() and int(text) < 2**32


def are_ports(text: str) -> bool:
    """Whether it is a list of ports, perhaps empty."""
    words = [word.strip() for word in text.split(",")] if text else []
    return all(word.isdigit() and int(word) < 2**16 for word in words)


def are_ranges(text: str) -> bool:
    """Whether it is a list of networks, perhaps empty."""
    words = [word.strip() for word in text.split(",")] if text else []
    try:
        networks = [ipaddress.ip_network(word, strict=False) for word in words]
    except ValueError:
        return False
    return len(networks) == sum("/" in word for word in words)


Judge = Callable[[str], bool]
READABLE: Mapping[str, tuple[Judge, str]] = {
    f"{SIDECAR}interceptionMode": (("REDIRECT", "TPROXY", "NONE").__contains__, "REDIRECT, TPROXY or NONE"),
    "status.sidecar.istio.io/port": (are_ports, "a port"),
    f"{READINESS}initialDelaySeconds": (is_number, "a number"),
    f"{READINESS}periodSeconds": (is_number, "a number"),
    f"{READINESS}failureThreshold": (is_number, "a number"),
    f"{CAPTURE}includeOutboundIPRanges": (lambda t: t == "*" or are_ranges(t), "networks with commas, or *"),
    f"{CAPTURE}excludeOutboundIPRanges": (are_ranges, "networks with commas"),
    f"{CAPTURE}includeInboundPorts": (lambda t: t == "*" or are_ports(t), "ports with commas, or *"),
    f"{CAPTURE}excludeInboundPorts": (are_ports, "ports with commas"),
    f"{CAPTURE}excludeOutboundPorts": (are_ports, "ports with commas"),
    "prometheus.istio.io/merge-metrics": (("true", "false", "1", "0").__contains__, "true or false"),
}
"""Annotation → whether a value can be read, and what to write."""


def analyser(world: World) -> Iterator[Diagnostic]:
    """Every annotation in Istio's name."""
    for kind in KINDS:
        for one in world.of(kind):
            for name, value in one.annotations.items():
                if is_istios(name) and name not in SET_BY_ISTIO:
                    yield from of_annotation(one, name, value)


def is_istios(name: str) -> bool:
    """Whether its prefix is Istio's."""
    return name == "kubernetes.io/ingress.class" or name.partition("/")[0].endswith("istio.io")


def of_annotation(one: AnyObject, name: str, value: str) -> Iterator[Diagnostic]:
    """What is wrong with one."""
    path = f'metadata.annotations["{name}"]'
    idle = "it does nothing here"
    if name not in PLACES:
        remedy = "correct the name, or remove it"
        yield message(WARNING, "IST0108", one, path, f"Istio has no annotation {name}", idle, remedy)
        return
    if name in OUT_OF_DATE and not (name == f"{SIDECAR}inject" and name in one.labels):
        cause, symptom = f"the annotation {name} is deprecated", "a later version may ignore it"
        yield message(INFO, "IST0135", one, path, cause, symptom, OUT_OF_DATE[name])
    places = PLACES[name]
    if places and one.kind.name not in places:
        cause, remedy = f"{name} is for {' and '.join(places)}, not for a {one.kind.name}", moved(places, one)
        yield message(WARNING, "IST0107", one, path, cause, idle, remedy)
    elif name in READABLE and not READABLE[name][0](value):
        cause, remedy = f"{name} cannot be {value!r}", f"write {READABLE[name][1]}"
        yield message(WARNING, "IST0125", one, path, cause, "the injector refuses the Pod", remedy)


def moved(places: tuple[str, ...], one: AnyObject) -> str:
    """Where the annotation belongs."""
    if one.kind.name == "Deployment" and "Pod" in places:
        return "write it into spec.template.metadata.annotations"
    return f"write it into the metadata of the {places[0]}"
