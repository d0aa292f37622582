"""EnvoyFilter: each patch has to say where it applies, what it matches and what it does.

Source: ValidateEnvoyFilter in istio's pkg/config/validation/envoyfilter. Whether the patch itself is an
Envoy message is found where it is applied.
"""

from __future__ import annotations

from miniistiod.api.istio.networking.envoy_filter_pb2 import EnvoyFilter
from miniistiod.config.objects import Object
from miniistiod.config.validation import values
from miniistiod.config.validation.finding import Findings, Steps, at, error, warning
from miniistiod.config.validation.selector import label_selector, target

ConfigPatch = EnvoyFilter.EnvoyConfigObjectPatch
LONGEST_VERSION = 1024
MANAGERS = ("envoy.filters.network.http_connection_manager", "envoy.http_connection_manager")
LISTENER_CLASS = ("LISTENER", "FILTER_CHAIN", "NETWORK_FILTER", "HTTP_FILTER")
MATCHED_BY = {
    **dict.fromkeys(LISTENER_CLASS, "listener"),
    **dict.fromkeys(("ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE"), "route_configuration"),
    "CLUSTER": "cluster",
}
"""applyTo → the only member of match that goes with it."""


def rules(one: Object[EnvoyFilter]) -> Findings:
    """Everything the webhook says about an EnvoyFilter."""
    given = one.message
    message = (
        "an EnvoyFilter depends on how istiod writes Envoy's configuration, which changes between versions"
    )
    yield from warning((), message, "use another kind where one does the same", "internal-api")
    if given.HasField("workload_selector"):
        yield from label_selector(given.workload_selector, ("workloadSelector",))
    if given.targetRefs and given.HasField("workload_selector"):
        yield from error(("targetRefs",), "targetRefs beside workloadSelector", "keep one of them")
    for index, reference in enumerate(given.targetRefs):
        yield from target(reference, ("targetRefs", index))
    for index, patch in enumerate(given.config_patches):
        if patch.match.context != EnvoyFilter.WAYPOINT:
            yield from _patch(patch, ("configPatches", index))


def _patch(patch: ConfigPatch, steps: Steps) -> Findings:
    if patch.apply_to == EnvoyFilter.INVALID:
        yield from error(steps, "applyTo is missing", "add applyTo: HTTP_FILTER, CLUSTER, ...")
        return
    operation = patch.patch.operation
    if operation == EnvoyFilter.Patch.INVALID:
        yield from error(
            (*steps, "patch"), "the operation is missing", "add operation: MERGE, ADD, REMOVE, ..."
        )
        return
    if operation != EnvoyFilter.Patch.REMOVE and not patch.patch.HasField("value"):
        name = EnvoyFilter.Patch.Operation.Name(operation)
        yield from error((*steps, "patch"), f"{name} needs a value", "add value")
        return
    version = patch.match.proxy.proxy_version
    here = (*steps, "match", "proxy", "proxyVersion")
    if len(version) > LONGEST_VERSION:
        yield from warning(here, "this is too long to be a version, and is ignored", "shorten it")
    elif version:
        yield from at(here, values.regex_syntax(version))
    yield from _match(patch, (*steps, "match"))


def _match(patch: ConfigPatch, steps: Steps) -> Findings:
    apply_to = EnvoyFilter.ApplyTo.Name(patch.apply_to)
    wanted, given = MATCHED_BY.get(apply_to), patch.match.WhichOneof("object_types")
    if wanted is not None and given is not None and given != wanted:
        right = "routeConfiguration" if wanted == "route_configuration" else wanted
        yield from error(steps, f"{apply_to} cannot be matched by {given}", f"write match: {{{right}: ...}}")
    elif given == "listener" and patch.match.listener.filter_chain.HasField("filter"):
        yield from _filter(patch, apply_to, (*steps, "listener", "filterChain", "filter"))


def _filter(patch: ConfigPatch, apply_to: str, steps: Steps) -> Findings:
    match = patch.match.listener.filter_chain.filter
    if apply_to in ("LISTENER", "FILTER_CHAIN"):
        yield from warning(
            steps, f"a filter does not narrow a {apply_to} patch", "write applyTo: NETWORK_FILTER"
        )
    if apply_to not in LISTENER_CLASS:
        return
    if not match.name:
        yield from error(steps, "the filter has no name to match", "add name")
    elif match.HasField("sub_filter"):
        here = (*steps, "subFilter")
        if apply_to != "HTTP_FILTER":
            yield from error(here, f"subFilter with applyTo: {apply_to}", "write applyTo: HTTP_FILTER")
        elif match.name not in MANAGERS:
            yield from error(
                (*steps, "name"), "only HTTP filters are inside another filter", f"write name: {MANAGERS[0]}"
            )
        elif not match.sub_filter.name:
            yield from error(here, "the filter has no name to match", "add name")
