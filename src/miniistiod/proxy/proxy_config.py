"""ProxyConfig in force for a proxy: what it sends itself hides the mesh's defaultConfig whole, even when it
is {}.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf import json_format

from miniistiod.api.istio.mesh import proxy_pb2
from miniistiod.api.istio.networking.proxy_config_pb2 import ProxyConfig as ProxyConfigObject
from miniistiod.mesh.kept import kept
from miniistiod.mesh.policies import PolicyIndex, selected
from miniistiod.mesh.settings import MeshSettings


@dataclass(frozen=True, slots=True, eq=False)
class EffectiveProxyConfig:
    """The message, as one object for all proxies that are configured alike, so it can be a key."""

    message: proxy_pb2.ProxyConfig


@kept
def effective(settings: MeshSettings, own: str | None) -> EffectiveProxyConfig:
    """`own` is PROXY_CONFIG as JSON, None when the proxy sends none. Unknown fields are passed over."""
    if own is None:
        return EffectiveProxyConfig(settings.proxy_config)
    try:
        message = json_format.Parse(own, proxy_pb2.ProxyConfig(), ignore_unknown_fields=True)
    except json_format.ParseError:
        message = proxy_pb2.ProxyConfig()
    return EffectiveProxyConfig(message)


def started_with(
    settings: MeshSettings,
    objects: PolicyIndex[ProxyConfigObject],
    namespace: str,
    labels: Mapping[str, str],
    annotation: proxy_pb2.ProxyConfig | None = None,
) -> proxy_pb2.ProxyConfig:
    """What a proxy is started with, which it then sends as its PROXY_CONFIG.

    From weak to strong: the mesh's defaultConfig, the ProxyConfig object of the root namespace, that of the
    workload's namespace, the annotation proxy.istio.io/config, and the object that selects the workload.
    Of several objects at one place the oldest counts. Environment variables add up.
    """
    wide = dict.fromkeys((objects.root_namespace, namespace))
    layers = [first_wide(objects, each) for each in wide]
    layers += [annotation, first_selecting(objects, namespace, labels)]
    found = proxy_pb2.ProxyConfig()
    found.CopyFrom(settings.proxy_config)
    for layer in layers:
        if layer is not None:
            found.MergeFrom(layer)
    return found


def first_wide(objects: PolicyIndex[ProxyConfigObject], namespace: str) -> proxy_pb2.ProxyConfig | None:
    """The oldest of a namespace without a selector."""
    wide = (each for each in objects.in_namespace(namespace) if not each.message.HasField("selector"))
    return next((as_proxy_config(each.message) for each in wide), None)


def first_selecting(
    objects: PolicyIndex[ProxyConfigObject], namespace: str, labels: Mapping[str, str]
) -> proxy_pb2.ProxyConfig | None:
    """The oldest of a namespace whose labels, of which it has some, a workload carries."""
    for each in objects.in_namespace(namespace):
        wanted = each.message.selector.match_labels
        if wanted and selected(wanted, labels):
            return as_proxy_config(each.message)
    return None


def as_proxy_config(given: ProxyConfigObject) -> proxy_pb2.ProxyConfig:
    """The object's settings as those of the mesh have them."""
    found = proxy_pb2.ProxyConfig(proxy_metadata=given.environment_variables)
    if given.HasField("concurrency"):
        found.concurrency.CopyFrom(given.concurrency)
    if given.HasField("image"):
        found.image.image_type = given.image.image_type
    return found
