"""What a proxy is started with: the mesh's settings, and over them the ProxyConfig objects."""

from __future__ import annotations

from miniistiod.api.istio.mesh.proxy_pb2 import ProxyConfig
from miniistiod.mesh.policies import policy_index
from miniistiod.mesh.settings import settings
from miniistiod.proxy.proxy_config import started_with
from tests.mesh.world import store


def config(name: str, spec: str, namespace: str = "shop", created: str = "2024-01-01") -> str:
    """A ProxyConfig object."""
    return f"""
apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: {{name: {name}, namespace: {namespace}, creationTimestamp: '{created}T00:00:00Z'}}
spec: {{{spec}}}
"""


def started(*documents: str, annotation: ProxyConfig | None = None) -> ProxyConfig:
    """What a proxy of app web in shop is started with."""
    of_mesh = settings(())
    objects = policy_index(store(*documents).of_kind("ProxyConfig"), of_mesh.root_namespace)
    return started_with(of_mesh, objects, "shop", {"app": "web"}, annotation)


def test_without_objects_it_is_the_meshs() -> None:
    assert started().stat_name_length == 189
    assert not started().HasField("concurrency")


def test_the_nearer_object_wins_and_variables_add_up() -> None:
    documents = [
        config("root", "concurrency: 1, environmentVariables: {A: root, B: root}", "istio-system"),
        config("wide", "concurrency: 2, environmentVariables: {B: wide}"),
        config("own", "concurrency: 4, selector: {matchLabels: {app: web}}"),
        config("other", "concurrency: 9, selector: {matchLabels: {app: other}}"),
    ]
    assert [started(*documents[:n]).concurrency.value for n in (1, 2, 3, 4)] == [1, 2, 4, 4]
    assert dict(started(*documents).proxy_metadata) == {"A": "root", "B": "wide"}


def test_the_annotation_stands_between_the_namespace_and_the_workloads_own_object() -> None:
    annotation = ProxyConfig(stat_name_length=99)
    annotation.concurrency.value = 3
    wide, own = (
        config("wide", "concurrency: 2"),
        config("own", "concurrency: 4, selector: {matchLabels: {app: web}}"),
    )
    assert started(wide, annotation=annotation).concurrency.value == 3
    found = started(wide, own, annotation=annotation)
    assert (found.concurrency.value, found.stat_name_length) == (4, 99)


def test_of_two_objects_for_a_namespace_the_older_counts() -> None:
    young = config("young", "concurrency: 7", created="2024-05-01")
    assert started(young, config("old", "concurrency: 5")).concurrency.value == 5
