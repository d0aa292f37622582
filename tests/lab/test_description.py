"""Kubernetes documents → workloads, services, programs, addresses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from miniistiod.lab.addresses import SERVICES, pod_address, service_address
from miniistiod.lab.description import Container, ContainerPort, Lab, lab_of
from miniistiod.lab.names import records, resolv_conf
from miniistiod.lab.network import hardware_address, service_rules
from miniistiod.lab.programs import command_of
from miniistiod.lab.store import documents_of

BOOKINFO = Path(__file__).resolve().parents[2] / "configs" / "bookinfo"


def described(text: str) -> Lab:
    return lab_of(documents_of(text))


def bookinfo() -> Lab:
    return lab_of(d for file in sorted(BOOKINFO.glob("*.yaml")) for d in documents_of(file.read_text()))


def test_bookinfo_has_its_workloads_a_client_and_a_gateway() -> None:
    proxies = {workload.name: workload.proxy for workload in bookinfo().workloads}
    assert proxies.pop("istio-ingressgateway") == "router"
    names = {"productpage-v1", "details-v1", "ratings-v1", "reviews-v1", "reviews-v2", "reviews-v3", "client"}
    assert proxies == dict.fromkeys(names, "sidecar")


def test_a_service_leads_to_the_workloads_it_selects() -> None:
    lab = bookinfo()
    reviews = next(service for service in lab.services if service.name == "reviews")
    assert [workload.name for workload in lab.behind(reviews)] == ["reviews-v1", "reviews-v2", "reviews-v3"]


@pytest.mark.parametrize(
    ("namespace", "pod", "proxy"),
    [
        ("enabled", {}, "sidecar"),
        ("enabled", {"labels": {"sidecar.istio.io/inject": "false"}}, "none"),
        ("enabled", {"annotations": {"sidecar.istio.io/inject": "false"}}, "none"),
        ("disabled", {}, "none"),
        ("disabled", {"labels": {"sidecar.istio.io/inject": "true"}}, "sidecar"),
        ("disabled", {"annotations": {"inject.istio.io/templates": "gateway"}}, "router"),
    ],
)
def test_injection_follows_the_namespace_unless_the_pod_has_a_wish(
    namespace: str, pod: object, proxy: str
) -> None:
    documents = [
        {"kind": "Namespace", "metadata": {"name": "n", "labels": {"istio-injection": namespace}}},
        {
            "kind": "Deployment",
            "metadata": {"name": "a", "namespace": "n"},
            "spec": {"template": {"metadata": pod, "spec": {"containers": [{"name": "a"}]}}},
        },
    ]
    assert [workload.proxy for workload in lab_of(documents).workloads] == [proxy]


def test_replicas_have_numbers_and_no_replicas_mean_none() -> None:
    text = """
kind: Deployment
metadata: {name: a}
spec: {replicas: 2, template: {spec: {containers: [{name: a}]}}}
---
kind: Deployment
metadata: {name: b}
spec: {replicas: 0, template: {spec: {containers: [{name: b}]}}}
"""
    assert [(w.key, w.owner) for w in described(text).workloads] == [
        ("a-0.default", "a"),
        ("a-1.default", "a"),
    ]


@pytest.mark.parametrize(
    ("container", "words"),
    [
        (Container("a", "mini-istiod-app", args=("reviews", "v2")), ["reviews", "v2"]),
        (Container("a", "docker.io/istio/examples-bookinfo-reviews-v3:1.20.3"), ["reviews", "v3"]),
        (Container("a", "registry.local:5000/istio/examples-bookinfo-details-v1"), ["details"]),
        (Container("a", "docker.io/mccutchen/go-httpbin:v2.15.0"), ["httpbin"]),
        (Container("a", "curlimages/curl", command=("/bin/sleep", "infinity")), ["client"]),
    ],
)
def test_known_images_are_played_by_our_app(container: Container, words: list[str]) -> None:
    command = list(command_of(container, Path("/x.sock")))
    assert command == [sys.executable, "-m", "miniistiod.lab.apps", *words, "--inspect", "/x.sock"]


def test_an_image_that_nobody_knows_is_played_by_a_stand_in_on_all_of_its_ports() -> None:
    container = Container("a", "registry/shop:7", ports=(ContainerPort(80), ContainerPort(81, "admin")))
    words = ["stand-in", "--port", "80", "--port", "81", "--inspect", "/x.sock"]
    assert list(command_of(container, Path("/x.sock"))) == [
        sys.executable,
        "-m",
        "miniistiod.lab.apps",
        *words,
    ]


def test_another_image_runs_its_command_and_without_one_and_ports_nothing() -> None:
    assert command_of(Container("a", "python", ("python3",), ("-m", "x")), Path("s")) == (
        "python3",
        "-m",
        "x",
    )
    assert command_of(Container("a", "nginx"), Path("s")) == ()


def test_service_addresses_come_from_the_name_and_never_twice() -> None:
    first = service_address("default", "reviews", [])
    assert first == service_address("default", "reviews", ["10.96.0.1"])
    second = service_address("default", "reviews", [first])
    assert second != first
    assert {first, second} <= {str(address) for address in SERVICES.hosts()}


def test_pod_addresses_fill_gaps() -> None:
    assert pod_address(["10.244.0.10", "10.244.0.12"]) == "10.244.0.11"


SHOP = """
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.96.0.7, selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 3306}]}
---
kind: Service
metadata: {name: alias}
spec: {type: ExternalName, externalName: www.example.com}
---
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  template:
    metadata: {labels: {app: web}, annotations: {lab.mini-istiod.io/hostnames: "www.example.com"}}
    spec: {containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]}
"""
ADDRESSES = {"web-0.default": "10.244.0.10", "web-1.default": "10.244.0.11"}


def test_names_lead_to_services_headless_ones_to_workloads_and_the_outside_to_who_plays_it() -> None:
    known = records(described(SHOP), ADDRESSES, "10.244.0.1")
    assert known["web.default.svc.cluster.local"] == ("10.96.0.7",)
    assert known["db.default.svc.cluster.local"] == ("10.244.0.10", "10.244.0.11")
    assert (
        known["www.example.com"] == known["alias.default.svc.cluster.local"] == ("10.244.0.10", "10.244.0.11")
    )
    assert known["istiod.istio-system.svc.cluster.local"] == ("10.244.0.1",)


def test_the_router_spreads_a_service_over_its_workloads_evenly() -> None:
    rules = [
        r for r in service_rules(described(SHOP), ADDRESSES).splitlines() if r.startswith("-A PREROUTING")
    ]
    assert rules == [
        "-A PREROUTING -d 10.96.0.7/32 -p tcp --dport 80 -m statistic --mode random --probability 0.500000"
        " -j DNAT --to-destination 10.244.0.10:8080",
        "-A PREROUTING -d 10.96.0.7/32 -p tcp --dport 80 -j DNAT --to-destination 10.244.0.11:8080",
    ]


def test_short_names_are_searched_in_the_workloads_own_namespace_first() -> None:
    search = next(line for line in resolv_conf("shop", "10.0.0.1").splitlines() if line.startswith("search"))
    assert search.split()[1:] == ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local"]


def test_the_exercises_are_yaml_objects() -> None:
    files = sorted((BOOKINFO.parent / "exercises").rglob("*.yaml"))
    assert len(files) >= 9
    for file in files:
        assert all(d["kind"] and d["metadata"]["name"] for d in yaml.safe_load_all(file.read_text())), file


def test_an_address_that_is_used_again_keeps_its_hardware_address() -> None:
    assert hardware_address("10.244.0.12") == "0a:58:0a:f4:00:0c"


def test_names_of_the_outside_lead_to_a_service_and_to_a_workload() -> None:
    lab = described("""
kind: Service
metadata: {name: door, annotations: {lab.mini-istiod.io/hostnames: "*.example.com, example.com"}}
spec: {clusterIP: 10.96.0.9}
---
kind: Pod
metadata: {name: world, annotations: {lab.mini-istiod.io/hostnames: www.outside.example}}
spec: {containers: [{name: app, image: httpbin}]}
""")
    known = records(lab, {"world.default": "10.244.0.10"}, "10.244.0.1")
    assert known["*.example.com"] == known["example.com"] == ("10.96.0.9",)
    assert known["www.outside.example"] == ("10.244.0.10",)
