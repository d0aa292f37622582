"""Which fields matter: take one out of a mesh and see whether what the proxies get is another.

python -m tests.support.probe      # prints the fields that nothing proves
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap
from envoy.config.core.v3.base_pb2 import Node
from google.protobuf import json_format

from miniistiod.api.istio.mesh.proxy_pb2 import ProxyConfig
from miniistiod.app.mesh_source import MeshSource
from miniistiod.config import AnyObject, Store, of_text
from miniistiod.config.diagnostics import errors
from miniistiod.config.mesh_layer import MeshLayer
from miniistiod.config.support import IGNORED, NOT_SUPPORTED, listed
from miniistiod.generate.resources import resources
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.policies import policy_index
from miniistiod.mesh.snapshot import snapshot
from miniistiod.proxy.bootstrap import Workload, bootstrap
from miniistiod.proxy.bootstrap_statics import Discovery
from miniistiod.proxy.node import Proxy, proxy
from miniistiod.proxy.proxy_config import started_with
from miniistiod.proxy.scope import ProxyScope
from miniistiod.xds.type_rules import CDS, ECDS, EDS, LDS, RDS
from tests.parity import nodes, reference
from tests.support.fields import Way, all_fields, uses, without

TYPES = (CDS, EDS, LDS, RDS, ECDS)
CASES = Path(__file__).parent / "cases"
ENVIRONMENT = (("D", "of the control plane"),)
Answer = dict[tuple[str, str, str], bytes]
"""(proxy, type, name) → what it gets; without a proxy, what is fetched for all of them."""


def answer(store: Store, proxies: dict[str, Proxy]) -> Answer:
    """What the proxies get and are started with, and the keys of token issuers fetched for them."""
    mesh, source = snapshot(store, environment=ENVIRONMENT), MeshSource(secrets=False)
    source.update(store)
    keys = {("", *key): str(timeout).encode() for key, timeout in source.key_sources.items()}
    started = {
        (key, "bootstrap", "all"): started_as(mesh, store, each).SerializeToString(deterministic=True)
        for key, each in proxies.items()
    }
    return (
        keys
        | started
        | {
            (key, url, name): resource.body
            for key, each in proxies.items()
            for scope in [ProxyScope(each, mesh)]
            for url in TYPES
            for part in resources(scope, url)
            for name, resource in part.items()
        }
    )


def proxy_config(mesh: Mesh, store: Store, each: Proxy) -> ProxyConfig:
    """What a proxy is started with."""
    objects = policy_index(store.of_kind("ProxyConfig"), mesh.settings.root_namespace)
    return started_with(mesh.settings, objects, each.namespace, each.labels)


def started_as(mesh: Mesh, store: Store, one: Proxy) -> Bootstrap:
    """What its Envoy is started with, without its Node, which only repeats the configuration."""
    config = json_format.MessageToDict(proxy_config(mesh, store, one))
    workload = Workload(one.name, one.namespace, one.addresses[0], labels=one.labels)
    made = bootstrap(workload, Discovery("10.0.0.1", 15010), proxy_config=config)
    made.node.CopyFrom(Node(cluster=made.node.cluster))
    return made


def replaced(store: Store, old: AnyObject, new: AnyObject) -> Store:
    """The store with one object in the place of another."""
    kind = old.kind.id
    return Store(kinds={**store.kinds, kind: tuple(new if o is old else o for o in store.kinds[kind])})


def lacking(one: AnyObject, way: Way, field: str) -> AnyObject:
    """The object without the field; a MeshConfig does not name it any more either, so its default is back."""
    less = dataclasses.replace(one, message=without(one.message, way, field))
    if not isinstance(less, MeshLayer):
        return less
    return dataclasses.replace(less, given=less.given - {".".join([*(name for name, _ in way), field])})


def proven_in(text: str, unproven: set[str]) -> Iterator[str]:
    """Those of the fields whose absence makes a difference in this mesh."""
    store = of_text(text)
    proxies = {key: proxy(nodes.node(pod)) for key, pod in nodes.pods_of(text).items()}
    whole = answer(store, proxies)
    for one in store.objects:
        for name, way, field in uses(one.message) if one.kind.group.endswith("istio.io") else ():
            if name not in unproven:
                continue
            if answer(replaced(store, one, lacking(one, way, field.name)), proxies) != whole:
                unproven.discard(name)
                yield name


def texts() -> Iterator[str]:
    """The reference cases, then our own for what those lack."""
    for name in reference.names():
        yield reference.case_file(name).read_text()
    world = (CASES / "world.yaml").read_text()
    for path in sorted(CASES.glob("*.yaml")):
        if path.name != "world.yaml":
            yield f"{world}\n---\n{path.read_text()}"


def proven() -> set[str]:
    """All fields that a mesh proves."""
    unproven = all_fields()
    return {name for text in texts() for name in proven_in(text, unproven)}


def main() -> None:
    """Print what neither a mesh proves nor a list has."""
    for path in sorted(CASES.glob("*.yaml")):
        for fault in errors(of_text(path.read_text(), path.name).diagnostics):
            print(fault.text())
    left = all_fields() - proven()
    print("\n".join(sorted(n for n in left if not listed(n, IGNORED) and not listed(n, NOT_SUPPORTED))))


if __name__ == "__main__":
    main()
