"""What a proxy gets, as the JSON trees of the reference: every Any opened, proto field names."""

from __future__ import annotations

import base64
import importlib
import json
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from google.protobuf import descriptor_pool, json_format, message_factory
from google.protobuf.any_pb2 import Any as ProtoAny
from google.protobuf.message import Message

from tests.parity.reference import Dump, Tree

PREFIX = "type.googleapis.com/"
TYPES = {
    "clusters": PREFIX + "envoy.config.cluster.v3.Cluster",
    "endpoints": PREFIX + "envoy.config.endpoint.v3.ClusterLoadAssignment",
    "listeners": PREFIX + "envoy.config.listener.v3.Listener",
    "routes": PREFIX + "envoy.config.route.v3.RouteConfiguration",
    "extensions": PREFIX + "envoy.config.core.v3.TypedExtensionConfig",
}
AS_JSON = {"Struct", "Value", "ListValue", "Duration", "Timestamp", "FieldMask"}
ISTIO_ONLY = "istio.envoy.config", "stats."
"""Messages the reference keeps as bytes because Envoy's own API has no such type."""

Resources = Callable[[str, Iterable[str] | None], dict[str, bytes]]
"""(type URL, names or None for all) → {name: serialised resource}."""


@cache
def all_envoy_messages() -> None:
    """Import every generated Envoy module once, so that each Any can be opened."""
    for top in ("envoy", "udpa", "xds", "validate", "google.rpc"):
        package = importlib.import_module(top)
        for module in pkgutil.walk_packages(package.__path__, top + "."):
            if module.name.endswith("_pb2"):
                importlib.import_module(module.name)


def opened(type_url: str, value: bytes) -> Tree:
    """An Any's content with its "@type", or its bytes as base64 where the type is not Envoy's."""
    all_envoy_messages()
    name = type_url.rpartition("/")[2]
    try:
        if name.startswith(ISTIO_ONLY):
            raise KeyError(name)
        message = message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))()
    except KeyError:
        return {"@type": type_url, "@value": base64.b64encode(value).decode()}
    message.ParseFromString(value)
    tree = tree_of(message)
    return {"@type": type_url, **tree} if isinstance(tree, dict) else {"@type": type_url, "value": tree}


def tree_of(message: Message) -> Tree:
    """A message as a JSON tree."""
    if isinstance(message, ProtoAny):
        return opened(message.type_url, message.value)
    full = message.DESCRIPTOR.full_name
    if full.startswith("google.protobuf.") and (full.rpartition(".")[2] in AS_JSON or full.endswith("Value")):
        return json_format.MessageToDict(message)
    tree: dict[str, Tree] = {}
    for field, value in message.ListFields():
        kind = field.message_type
        if kind is not None and kind.GetOptions().map_entry:
            inner = kind.fields_by_name["value"]
            tree[field.name] = {str(k): leaf(inner, value[k]) for k in sorted(value, key=str)}
        elif field.is_repeated:
            tree[field.name] = [leaf(field, item) for item in value]
        else:
            tree[field.name] = leaf(field, value)
    return tree


def leaf(field: Any, value: Any) -> Tree:
    """One value of a field."""
    if field.message_type is not None:
        return tree_of(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known else value
    return {"bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def named(tree: Tree, key: str) -> Iterator[Tree]:
    """Every value of a key anywhere in a tree."""
    if isinstance(tree, dict):
        if key in tree:
            yield tree[key]
        tree = list(tree.values())
    if isinstance(tree, list):
        for child in tree:
            yield from named(child, key)


def discovered(tree: Tree) -> Iterator[str]:
    """The names of the filters whose configuration is a resource of its own."""
    if isinstance(tree, dict):
        if "config_discovery" in tree and "name" in tree:
            yield tree["name"]
        tree = list(tree.values())
    if isinstance(tree, list):
        for child in tree:
            yield from discovered(child)


def dump(resources: Resources) -> Dump:
    """Everything a proxy would use, by Envoy's walk: what clusters and listeners name, too."""
    out: Dump = {}

    def fetch(kind: str, names: Iterable[str] | None) -> None:
        bodies = resources(TYPES[kind], names)
        out[kind] = {name: opened(TYPES[kind], body) for name, body in sorted(bodies.items())}

    fetch("clusters", None)
    eds = {
        c.get("eds_cluster_config", {}).get("service_name") or n
        for n, c in out["clusters"].items()
        if c.get("type") == "EDS"
    }
    fetch("endpoints", eds)
    fetch("listeners", None)
    fetch("routes", {rds["route_config_name"] for rds in named(out["listeners"], "rds")})
    fetch("extensions", set(discovered(out["listeners"])))
    return canonical(out)


def canonical(dump: Dump) -> Dump:
    """The same with what carries no order sorted: domains, virtual hosts, endpoints, localities."""
    for table in dump["routes"].values():
        for host in table.get("virtual_hosts", []):
            host["domains"] = sorted(host.get("domains", []))
        table.get("virtual_hosts", []).sort(key=lambda host: host["name"])
    for assignment in dump["endpoints"].values():
        for locality in assignment.get("endpoints", []):
            locality.get("lb_endpoints", []).sort(key=text)
        assignment.get("endpoints", []).sort(key=text)
    return dump


def text(tree: Tree) -> str:
    """A tree as text that sorts."""
    return json.dumps(tree, sort_keys=True)


def differences(want: Tree, got: Tree, path: str = "") -> Iterator[str]:
    """Where two trees differ, a line each: `-` missing, `+` too much, `~` another value."""
    if isinstance(want, dict) and isinstance(got, dict):
        for key in sorted(want.keys() | got.keys()):
            here = f"{path}.{key}" if path else key
            if key not in got:
                yield f"- {here}: {text(want[key])[:400]}"
            elif key not in want:
                yield f"+ {here}: {text(got[key])[:400]}"
            else:
                yield from differences(want[key], got[key], here)
    elif isinstance(want, list) and isinstance(got, list):
        if len(want) != len(got):
            yield f"~ {path}: {len(want)} items wanted, {len(got)} given"
        for i, (a, b) in enumerate(zip(want, got, strict=False)):
            yield from differences(a, b, f"{path}[{i}]")
    elif want != got:
        yield f"~ {path}: {text(want)[:300]} wanted, {text(got)[:300]} given"
