"""The config directory: what stands in it after apply and delete."""

from __future__ import annotations

from pathlib import Path

import yaml

from miniistiod.lab.store import Store, documents_of

SERVICE = "{kind: Service, apiVersion: v1, metadata: {name: a}, spec: {ports: [{port: 80}]}}"


def stored(store: Store, kind: str, name: str, namespace: str = "default") -> dict[str, object]:
    document = store.stored(kind, name, namespace)
    assert document is not None
    return document


def test_each_object_is_one_file(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.apply(documents_of(f"{SERVICE}\n---\n{{kind: Namespace, metadata: {{name: shop}}}}"))
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")} == {
        "default/service-a.yaml",
        "_cluster/namespace-shop.yaml",
    }


def test_created_then_unchanged_then_configured(tmp_path: Path) -> None:
    store = Store(tmp_path)
    outcomes = [store.apply(documents_of(SERVICE))[0].outcome for _ in range(2)]
    outcomes.append(store.apply(documents_of(SERVICE.replace("80", "81")))[0].outcome)
    assert outcomes == ["created", "unchanged", "configured"]


def test_a_service_gets_an_address_and_keeps_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.apply(documents_of(SERVICE))
    first = stored(store, "Service", "a")["spec"]["clusterIP"]  # type: ignore[index]
    store.apply(documents_of(SERVICE.replace("80", "81")))
    changed = stored(store, "Service", "a")["spec"]
    assert changed == {"ports": [{"port": 81}], "clusterIP": first}
    assert first.startswith("10.96.")


def test_headless_and_external_services_get_none(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.apply(documents_of("{kind: Service, metadata: {name: h}, spec: {clusterIP: None}}"))
    store.apply(documents_of("{kind: Service, metadata: {name: e}, spec: {type: ExternalName}}"))
    assert stored(store, "Service", "h")["spec"] == {"clusterIP": "None"}
    assert stored(store, "Service", "e")["spec"] == {"type": "ExternalName"}


def test_the_time_of_creation_outlives_a_change(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.apply(
        documents_of("{kind: ConfigMap, metadata: {name: c, creationTimestamp: '2020-01-01T00:00:00Z'}}")
    )
    store.apply(documents_of("{kind: ConfigMap, metadata: {name: c}, data: {a: b}}"))
    assert stored(store, "ConfigMap", "c")["metadata"]["creationTimestamp"] == "2020-01-01T00:00:00Z"  # type: ignore[index]


def test_delete_removes_the_file_and_says_what_was_not_there(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.apply(documents_of(SERVICE))
    changes = store.delete([("Service", "a", "default"), ("Service", "b", "default")])
    assert {change.name: change.outcome for change in changes} == {"a": "deleted", "b": "not found"}
    assert store.documents() == []


def test_a_list_counts_as_its_items_and_a_broken_file_harms_no_other(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.apply(documents_of(f"{{kind: List, items: [{SERVICE}]}}"))
    (tmp_path / "broken.yaml").write_text("a: [")
    assert [document["metadata"]["name"] for document in store.documents()] == ["a"]


def test_services_are_written_before_the_rules_that_name_them(tmp_path: Path) -> None:
    kinds = ("VirtualService", "DestinationRule", "Service", "Namespace")
    text = yaml.safe_dump_all({"kind": kind, "metadata": {"name": "x"}} for kind in kinds)
    changes = Store(tmp_path).apply(documents_of(text))
    assert [change.kind for change in changes] == [
        "Namespace",
        "Service",
        "DestinationRule",
        "VirtualService",
    ]


def test_two_kinds_of_one_name_are_two_files(tmp_path: Path) -> None:
    store = Store(tmp_path)
    groups = ("networking.istio.io", "gateway.networking.k8s.io")
    store.apply({"apiVersion": f"{g}/v1", "kind": "Gateway", "metadata": {"name": "front"}} for g in groups)
    found = {f"{d['apiVersion']}" for d in store.documents()}
    assert found == {"networking.istio.io/v1", "gateway.networking.k8s.io/v1"}
    store.delete([("Gateway.gateway.networking.k8s.io", "front", "default")])
    assert [d["apiVersion"] for d in store.documents()] == ["networking.istio.io/v1"]
