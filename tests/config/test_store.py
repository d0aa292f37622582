"""The store: what did not change stays the same object, and what is wrong keeps its last good version."""

from __future__ import annotations

import pytest

from miniistiod.api.istio.networking.virtual_service_pb2 import VirtualService
from miniistiod.api.kubernetes.core_pb2 import Namespace
from miniistiod.config import Level, Store, loaded, of_text

PATH = "mesh.yaml"


def virtual_service(name: str, weight: str = "1", namespace: str = "shop") -> str:
    return f"""\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  hosts: [{name}]
  http:
  - route:
    - destination: {{host: {name}}}
      weight: {weight}
"""


def file(*documents: str) -> str:
    return "---\n".join(documents)


def names(store: Store) -> list[str]:
    return [one.name for one in store.of(VirtualService)]


def codes(store: Store) -> list[str]:
    return [d.code for d in store.diagnostics]


def test_a_store_is_not_changed_by_what_follows_from_it() -> None:
    first = of_text(file(virtual_service("a")), PATH)
    second = first.with_file(PATH, file(virtual_service("a"), virtual_service("b")))
    assert names(first) == ["a"]
    assert names(second) == ["a", "b"]


def test_only_the_edited_document_becomes_another_object() -> None:
    first = of_text(file(virtual_service("a"), virtual_service("b")), PATH)
    second = first.with_file(PATH, file(virtual_service("a", "7"), virtual_service("b")))
    assert second.of(VirtualService)[1] is first.of(VirtualService)[1]
    assert second.of(VirtualService)[0] is not first.of(VirtualService)[0]
    assert second.of(VirtualService)[0].message.http[0].route[0].weight == 7


def test_a_document_that_only_moved_stays_the_same_and_is_found_at_its_new_line() -> None:
    first = of_text(virtual_service("a"), PATH)
    second = first.with_file(PATH, file("# one\n# two\n", virtual_service("a")))
    (one,) = second.of(VirtualService)
    assert one is first.of(VirtualService)[0]
    assert str(second.place(one)) == f"{PATH}:4:1"
    assert str(second.place(one, "spec.http[0].route[0].weight")) == f"{PATH}:12:15"


def test_kinds_that_did_not_change_keep_their_tuple() -> None:
    space = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    first = of_text(file(space, virtual_service("a")), PATH)
    second = first.with_file(PATH, file(space, virtual_service("a", "2")))
    assert second.of(Namespace) is first.of(Namespace)
    assert second.of(VirtualService) is not first.of(VirtualService)
    assert second.mesh_config is first.mesh_config


def test_the_same_text_gives_the_same_store() -> None:
    store = of_text(virtual_service("a"), PATH)
    assert store.with_file(PATH, virtual_service("a")) is store


def test_a_deleted_document_and_a_deleted_file_disappear() -> None:
    store = loaded(
        {"a.yaml": file(virtual_service("a"), virtual_service("b")), "c.yaml": virtual_service("c")}
    )
    assert names(store.with_file("a.yaml", virtual_service("b"))) == ["b", "c"]
    assert names(store.without_file("a.yaml")) == ["c"]


@pytest.mark.parametrize("bad", ["many", "-1"])
def test_an_object_that_is_wrong_keeps_its_last_good_version(bad: str) -> None:
    first = of_text(file(virtual_service("a", "3"), virtual_service("b")), PATH)
    second = first.with_file(PATH, file(virtual_service("a", bad), virtual_service("b")))
    assert second.of(VirtualService) == first.of(VirtualService)
    (error,) = (d for d in second.diagnostics if d.level is Level.ERROR)
    assert (error.line, error.column, error.path) == (9, 15, "spec.http[0].route[0].weight")
    assert "last-good" in codes(second)
    third = second.with_file(PATH, file(virtual_service("a", "4"), virtual_service("b")))
    assert third.of(VirtualService)[0].message.http[0].route[0].weight == 4
    assert codes(third) == []


def test_an_object_that_was_never_good_is_absent() -> None:
    store = of_text(file(virtual_service("a", "many"), virtual_service("b")), PATH)
    assert names(store) == ["b"]


@pytest.mark.parametrize(("length", "code"), [(85, "syntax"), (48, "unknown-kind")])
def test_a_document_broken_off_keeps_what_may_have_stood_in_it(length: int, code: str) -> None:
    first = of_text(file(virtual_service("a"), virtual_service("b")), PATH)
    second = first.with_file(PATH, file(virtual_service("a", "9"), virtual_service("b")[:length]))
    assert names(second) == ["a", "b"]
    assert second.of(VirtualService)[0].message.http[0].route[0].weight == 9
    assert code in codes(second)


def test_an_empty_file_keeps_what_it_had_and_says_so() -> None:
    first = of_text(virtual_service("a"), PATH)
    second = first.with_file(PATH, "\n")
    assert second.of(VirtualService) == first.of(VirtualService)
    assert codes(second) == ["empty-file"]
    assert names(second.without_file(PATH)) == []


def test_of_two_objects_with_one_key_the_later_wins_and_the_other_is_named() -> None:
    store = loaded({"a.yaml": virtual_service("a", "1"), "b.yaml": file("# x\n", virtual_service("a", "2"))})
    (one,) = store.of(VirtualService)
    assert one.message.http[0].route[0].weight == 2
    (hidden,) = store.diagnostics
    assert (hidden.code, hidden.place) == ("hidden-object", "a.yaml:1:1")
    assert "b.yaml:3:1" in hidden.cause
    assert names(store.without_file("b.yaml")) == ["a"]


def test_older_objects_come_first_then_the_name_decides() -> None:
    def created(name: str, time: str) -> str:
        return virtual_service(name).replace(
            "namespace: shop", f'namespace: shop, creationTimestamp: "{time}"'
        )

    text = file(
        created("b", "2024-02-01T00:00:00Z"),
        created("c", "2024-01-01T02:00:00+02:00"),
        created("a", "2024-01-01T00:00:00Z"),
    )
    assert names(of_text(text)) == ["a", "c", "b"]


def test_objects_without_a_namespace() -> None:
    store = of_text(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n"
        "apiVersion: v1\nkind: Service\nmetadata: {name: cart}\nspec: {ports: [{port: 80}]}\n"
    )
    assert [one.key for one in store.objects] == [("Namespace", "", "shop"), ("Service", "default", "cart")]


def test_a_list_holds_objects_of_any_kind() -> None:
    store = of_text(
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n"
        "- apiVersion: v1\n  kind: Namespace\n  metadata: {name: b}\n"
    )
    assert [one.name for one in store.of(Namespace)] == ["a", "b"]
    assert str(store.place(store.of(Namespace)[1], "metadata.name")) == "input.yaml:7:20"


def test_json_with_tabs_and_escapes() -> None:
    store = of_text(
        '{\n\t"apiVersion": "v1",\n\t"kind": "Namespace",\n\t"metadata": {"name": "a", '
        '"annotations": {"smile": "\\ud83d\\ude00", "path": "a\\/b"}}\n}\n',
        "a.json",
    )
    assert store.of(Namespace)[0].annotations == {"smile": "\N{GRINNING FACE}", "path": "a/b"}
