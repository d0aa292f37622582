"""ProxyConfig and annotations → the labels Envoy makes of parts of a statistic's name, and what it keeps.

Istio's agent keeps few statistics, because a filter of Istio's own counts requests. A stock Envoy lacks that
filter, so here all are kept until proxyStatsMatcher or an annotation chooses; then it is the agent's choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from envoy.config.metrics.v3 import stats_pb2
from envoy.type.matcher.v3 import regex_pb2, string_pb2

from miniistiod.api.istio.mesh.proxy_pb2 import ProxyConfig

TAGS = (
    ("cluster_name", r"^cluster(\.(.+);)"),
    (
        "http_conn_manager_prefix",
        r"^http\.(((?:[_.[:digit:]\w]*|[_\[\]aAbBcCdDeEfF[:digit:]\w\:]*));\.)",
    ),
    ("thread_name", r"^server(\.(.+))\.watchdog"),
    ("tcp_prefix", r"^tcp\.((.*?)\.)\w+?$"),
    ("response_code", r"_rq(_(\d{3}))$"),
    ("response_code_class", r"_rq(_(\dxx))$"),
    (
        "http_conn_manager_listener_prefix",
        r"^listener(?=\.).*?\.http\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)",
    ),
    ("listener_address", r"^listener\.(((?:[_.[:digit:]]*|[_\[\]aAbBcCdDeEfF[:digit:]]*))\.)"),
    ("mongo_prefix", r"^mongo\.(.+?)\.(collection|cmd|cx_|op_|delays_|decoding_)(.*?)$"),
    ("wasm_filter", r"(wasm_filter\.(.+?)\.)"),
    ("authz_enforce_result", r"rbac(\.(allowed|denied))"),
    ("authz_dry_run_action", r"(\.istio_dry_run_(allow|deny)_)"),
    ("authz_dry_run_result", r"(\.shadow_(allowed|denied))"),
)
"""Label → the part of a statistic's name that becomes it, as in Istio's bootstrap: Envoy's own expressions do
not know names like `outbound|9080||reviews;`."""
PREFIXES = ("cluster_manager", "listener_manager", "server", "cluster.xds-grpc", "wasm")
SUFFIXES = ("rbac.allowed", "rbac.denied", "shadow_allowed", "shadow_denied")
EXPRESSIONS = (r"vhost\..*\.route\..*",)
"""What is kept besides what the user chooses: readiness, authorization, stat_prefix of a VirtualService."""
ANNOTATION = "sidecar.istio.io/statsInclusion"
POD_IP = "{pod_ip}"


def stats_config(
    proxy_config: ProxyConfig, annotations: Mapping[str, str], addresses: Sequence[str]
) -> stats_pb2.StatsConfig:
    """Istio's labels, and the choice if there is one; `{pod_ip}` in it is each address of the workload."""
    tags = [stats_pb2.TagSpecifier(tag_name=name, regex=regex) for name, regex in TAGS]
    config = stats_pb2.StatsConfig(stats_tags=tags)
    config.use_all_default_tags.value = False
    chooses = proxy_config.HasField("proxy_stats_matcher") or any(
        a.startswith(ANNOTATION) for a in annotations
    )
    if chooses:
        config.stats_matcher.inclusion_list.patterns.extend(
            matcher(kind, text.replace(POD_IP, address))
            for kind, text in kept(proxy_config.proxy_stats_matcher, annotations)
            for address in (addresses if POD_IP in text else ("",))
        )
    return config


def kept(given: ProxyConfig.ProxyStatsMatcher, annotations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """How a name is compared, and with what; an annotation hides the list of its kind in the ProxyConfig."""
    lists = (
        ("prefix", "Prefixes", given.inclusion_prefixes, PREFIXES),
        ("suffix", "Suffixes", given.inclusion_suffixes, SUFFIXES),
        ("regex", "Regexps", given.inclusion_regexps, EXPRESSIONS),
    )
    for kind, annotation, configured, always in lists:
        said = annotations.get(ANNOTATION + annotation, "")
        for text in (*(said.split(",") if said else configured), *always):
            yield kind, text


def matcher(kind: str, text: str) -> string_pb2.StringMatcher:
    """A comparison of names."""
    if kind == "regex":
        return string_pb2.StringMatcher(safe_regex=regex_pb2.RegexMatcher(regex=text))
    return (
        string_pb2.StringMatcher(prefix=text) if kind == "prefix" else string_pb2.StringMatcher(suffix=text)
    )
