"""ProxyConfig.tracing → custom tags and sampling, and the tags that Istio puts on every span."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager as Hcm,
)
from envoy.type.metadata.v3.metadata_pb2 import MetadataKey, MetadataKind
from envoy.type.tracing.v3.custom_tag_pb2 import CustomTag
from envoy.type.v3.percent_pb2 import Percent

from miniistiod.api.istio.mesh.proxy_pb2 import Tracing
from miniistiod.vocab.wire import truth

NO_CONTEXT_PROPAGATION = 13
"""The number of a field that Envoy 1.40 has and the messages we are built with may not have yet."""

DEFAULT_SAMPLING = 1.0
"""Per cent of the requests that are traced when nobody says otherwise."""


def sampling(tracing: Tracing) -> float:
    """Per cent; 0 counts as unset, and more than 100 as 1."""
    if not tracing.sampling:
        return DEFAULT_SAMPLING
    return tracing.sampling if tracing.sampling <= 100 else 1.0


def istio_tags_wanted(tracing: Tracing) -> bool:
    """Istio's own tags are there unless switched off."""
    return tracing.enable_istio_tags.value if tracing.HasField("enable_istio_tags") else True


def spans(
    percent: float, tags: Iterable[CustomTag], max_path_tag_length: int, base: Hcm.Tracing | None = None
) -> Hcm.Tracing:
    """The tracing of a connection manager: clients may always ask for a trace, others are drawn by lot."""
    made = Hcm.Tracing(
        client_sampling=Percent(value=100),
        random_sampling=Percent(value=percent),
        overall_sampling=Percent(value=100),
        custom_tags=sorted(tags, key=lambda tag: tag.tag),
    )
    if base is not None:
        made.MergeFrom(base)
    if max_path_tag_length and not made.HasField("max_path_tag_length"):
        made.max_path_tag_length.value = max_path_tag_length
    return made


def without_propagation(spans: Hcm.Tracing) -> Hcm.Tracing:
    """The same, but the next hop is not told of the trace."""
    made = Hcm.Tracing()
    made.CopyFrom(spans)
    made.MergeFromString(truth(NO_CONTEXT_PROPAGATION))
    return made


def custom_tags(tags: Mapping[str, Tracing.CustomTag]) -> list[CustomTag]:
    """One tag for each entry that has a kind."""
    return [_tag(name, tag) for name, tag in tags.items() if tag.WhichOneof("type")]


def istio_tags(
    labels: Mapping[str, str], namespace: str, mesh_id: str, cluster_id: str
) -> tuple[CustomTag, ...]:
    """Who the workload is, and what dry-run policies would have done."""
    said = {
        "istio.canonical_revision": labels.get("service.istio.io/canonical-revision") or "latest",
        "istio.canonical_service": labels.get("service.istio.io/canonical-name") or "unknown",
        "istio.mesh_id": mesh_id or "unknown",
        "istio.namespace": namespace or "default",
        "istio.cluster_id": cluster_id or "unknown",
    }
    literals = (CustomTag(tag=tag, literal=CustomTag.Literal(value=value)) for tag, value in said.items())
    return (*literals, *_DRY_RUN)


def _tag(name: str, tag: Tracing.CustomTag) -> CustomTag:
    which = tag.WhichOneof("type")
    if which == "literal":
        return CustomTag(tag=name, literal=CustomTag.Literal(value=tag.literal.value))
    if which == "environment":
        env = tag.environment
        return CustomTag(
            tag=name, environment=CustomTag.Environment(name=env.name, default_value=env.default_value)
        )
    header = tag.header
    return CustomTag(
        tag=name, request_header=CustomTag.Header(name=header.name, default_value=header.default_value)
    )


def _dry_run_tag(action: str, what: str, key: str) -> CustomTag:
    return CustomTag(
        tag=f"istio.authorization.dry_run.{action}_policy.{what}",
        metadata=CustomTag.Metadata(
            kind=MetadataKind(request=MetadataKind.Request()),
            metadata_key=MetadataKey(
                key="envoy.filters.http.rbac",
                path=[MetadataKey.PathSegment(key=f"istio_dry_run_{action}_{key}")],
            ),
        ),
    )


_DRY_RUN = tuple(
    _dry_run_tag(action, what, key)
    for action in ("allow", "deny")
    for what, key in (("name", "shadow_effective_policy_id"), ("result", "shadow_engine_result"))
)
