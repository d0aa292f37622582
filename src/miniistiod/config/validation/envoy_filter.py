"""EnvoyFilter: each patch has to say where it applies, what it matches and what it does.

Source: ValidateEnvoyFilter in istio's pkg/config/validation/envoyfilter.
"""

from __future__ import annotations

from google.protobuf.json_format import MessageToDict as value_tree

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
    if patch.patch.HasField("value"):
        yield from _value(patch, (*steps, "patch", "value"))


def _value(patch: ConfigPatch, steps: Steps) -> Findings:
    """A value must be the Envoy message that is patched. A type not Envoy's own may be another build's."""
    # Envoy's messages take long to import, and only commands that meet an EnvoyFilter need them here.
    from miniistiod.translate.envoy_filter import patch_value
    from miniistiod.translate.envoy_filter.kinds import KINDS

    kind, value = KINDS.get(patch.apply_to), patch.patch.value
    if kind is None:
        return
    name = kind.DESCRIPTOR.full_name
    unknown = [each for each in patch_value.type_names(value_tree(value)) if not patch_value.known(each)]
    if unknown:
        message = f"there is no message {unknown[0]}, so this patch is left out"
        say = error if unknown[0].startswith("envoy.") else warning
        yield from say(steps, message, "correct @type: the types of Envoy are of version v3")
        return
    try:
        patch_value.patch_value(value, kind)
    except ValueError as fault:
        yield from error(
            steps, f"this is no {name}: {fault}", f"write it as Envoy's reference of {name} says"
        )
        return
    if stranger := patch_value.strangers(value, kind):
        yield from warning(steps, f"a field is passed over: {stranger}", "correct the name of the field")


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
