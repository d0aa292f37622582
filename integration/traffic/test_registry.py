"""What a proxy knows beyond the cluster's own Services, and what happens to the rest."""

from __future__ import annotations

import pytest

from integration.traffic.rules import WEB, hosts, networking, pod, routes, subsets
from miniistiod.testing.live import LiveLab

pytestmark = pytest.mark.lab("traffic")

SERVERS = {"web-v1", "web-v2", "web-v3"}
WORLD, API = "http://www.outside.test/hostname", "http://api.outside.test/hostname"


def mesh(settings: str) -> str:
    """The mesh configuration of the lab with more in it."""
    return (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n"
        f"  mesh: |-\n    accessLogFile: /dev/stdout\n    enableTracing: false\n    {settings}\n"
    )


def entry(name: str, spec: str, namespace: str = "default") -> str:
    return networking("ServiceEntry", name, spec, namespace)


def clusters(lab: LiveLab, workload: str, namespace: str = "default") -> set[str]:
    """The outbound clusters of a workload's proxy."""
    lines = lab.proxy(workload, "/clusters", namespace).splitlines()
    return {name for line in lines if (name := line.partition("::")[0]).startswith("outbound|")}


def reached(lab: LiveLab, url: str, **order: object) -> tuple[int, str, str]:
    """Status, cluster and server of one request."""
    log = lab.access_log("client")
    (reply,) = lab.client.send(url, **order)
    (line,) = log.awaited(1)
    return reply.status, line["cluster"], hosts([reply])[0] if reply.status == 200 else ""


EXPORT_TO = "networking.istio.io/exportTo"
HTTP80 = "ports: [{number: 80, name: http, protocol: HTTP}]\n"


def test_a_host_found_by_dns(lab: LiveLab) -> None:
    with lab.rules(entry("world", f"hosts: [www.outside.test]\nresolution: DNS\n{HTTP80}")):
        assert reached(lab, WORLD) == (200, "outbound|80||www.outside.test", "world")


def test_a_host_whose_endpoints_are_other_names(lab: LiveLab) -> None:
    ends = "endpoints: [{address: vm.outside.test, ports: {http: 8000}}]"
    spec = f"hosts: [alias.test]\naddresses: [240.240.5.5]\nresolution: DNS\n{HTTP80}{ends}"
    with lab.rules(entry("alias", spec)):
        found = reached(lab, "http://240.240.5.5/hostname", headers={"host": "alias.test"})
    assert found == (200, "outbound|80||alias.test", "vm")


def test_a_host_with_a_list_of_addresses(lab: LiveLab) -> None:
    ends = ", ".join(f"{{address: {pod(lab, name)}}}" for name in sorted(SERVERS))
    spec = (
        "hosts: [listed.test]\naddresses: [240.240.6.6]\nresolution: STATIC\n"
        f"ports: [{{number: 80, name: http, protocol: HTTP, targetPort: 8000}}]\nendpoints: [{ends}]"
    )
    with lab.rules(entry("listed", spec)):
        replies = lab.client.send("http://240.240.6.6/hostname", count=40, headers={"host": "listed.test"})
    assert set(hosts(replies)) == SERVERS


def test_a_wildcard_passes_each_host_to_where_it_was_going(lab: LiveLab) -> None:
    with lab.rules(entry("any", f'hosts: ["*.outside.test"]\nresolution: NONE\n{HTTP80}')):
        assert reached(lab, WORLD) == (200, "outbound|80||*.outside.test", "world")
        assert reached(lab, API) == (200, "outbound|80||*.outside.test", "world")


def test_a_workload_entry_stands_beside_pods_of_its_labels(lab: LiveLab) -> None:
    text = networking("WorkloadEntry", "vm", f"address: {pod(lab, 'vm')}\nlabels: {{app: web, version: v9}}")
    with lab.rules(text):
        beside = set(hosts(lab.client.send(f"{WEB}/hostname", count=60)))
    after = set(hosts(lab.client.send(f"{WEB}/hostname", count=30)))
    assert (beside, after) == (SERVERS | {"vm"}, SERVERS)


def test_a_service_entry_selects_pods_and_workload_entries(lab: LiveLab) -> None:
    text = networking("WorkloadEntry", "vm", f"address: {pod(lab, 'vm')}\nlabels: {{mixed: 'yes'}}")
    selecting = (
        "hosts: [mixed.test]\naddresses: [240.240.7.7]\nlocation: MESH_INTERNAL\nresolution: STATIC\n"
        "ports: [{number: 8000, name: http, protocol: HTTP}]\nworkloadSelector: {labels: {%s}}"
    )
    order = {"url": "http://240.240.7.7:8000/hostname", "headers": {"host": "mixed.test:8000"}, "count": 40}
    with lab.rules(text, entry("mixed", selecting % "mixed: 'yes'")):
        assert set(hosts(lab.client.send(**order))) == {"vm"}
    with lab.rules(entry("mixed", selecting % "app: web")):
        assert set(hosts(lab.client.send(**order))) == SERVERS


def test_unknown_hosts_pass_or_do_not(lab: LiveLab) -> None:
    """Port 80 is known by another host's entry, so that there is a route table to say no in."""
    with lab.rules(entry("world", f"hosts: [www.outside.test]\nresolution: DNS\n{HTTP80}")):
        assert reached(lab, API) == (200, "PassthroughCluster", "world")
        with lab.rules(mesh("outboundTrafficPolicy: {mode: REGISTRY_ONLY}")):
            assert reached(lab, API)[0] == 502
            assert reached(lab, WORLD)[0] == 200
            assert reached(lab, f"{WEB}/hostname")[0] == 200


def test_connections_to_unknown_ports_are_closed_under_registry_only(lab: LiveLab) -> None:
    url = "https://api.outside.test/hostname"
    assert lab.client.send(url)[0].status == 200
    with lab.rules(mesh("outboundTrafficPolicy: {mode: REGISTRY_ONLY}")):
        (reply,) = lab.client.send(url)
    assert (reply.status, bool(reply.error)) == (0, True)


def test_an_entry_that_is_not_exported_is_seen_in_its_namespace_only(lab: LiveLab) -> None:
    spec = f"hosts: [hidden.test]\nresolution: DNS\n{HTTP80}exportTo: "
    name = "outbound|80||hidden.test"
    for exported, ours, theirs in ((".", False, True), ("*", True, True), ("default", True, False)):
        with lab.rules(entry("hidden", f"{spec}['{exported}']", "other")):
            assert (name in clusters(lab, "client"), name in clusters(lab, "caller", "other")) == (
                ours,
                theirs,
            )


def test_a_rule_that_is_not_exported_holds_in_its_namespace_only(lab: LiveLab) -> None:
    rule = routes("- directResponse: {status: 418}") + "  exportTo: ['.']\n"
    with lab.rules(rule):
        (ours,) = lab.client.send(f"{WEB}/hostname")
        (theirs,) = lab.caller("caller", "other").send("http://web.default:8000/hostname")
    assert (ours.status, theirs.status) == (418, 200)


def test_a_policy_that_is_not_exported_holds_in_its_namespace_only(lab: LiveLab) -> None:
    name = "outbound|8000|v1|web.default.svc.cluster.local"
    with lab.rules(subsets() + "  exportTo: ['.']\n"):
        assert name in clusters(lab, "client")
        assert name not in clusters(lab, "caller", "other")
    with lab.rules(subsets()):
        assert name in clusters(lab, "caller", "other")


def test_a_service_that_is_not_exported_is_known_in_its_namespace_only(lab: LiveLab) -> None:
    name = "outbound|8000||quiet.default.svc.cluster.local"
    for exported, theirs in ((".", False), ("other", True), ("*", True)):
        service = (
            "apiVersion: v1\nkind: Service\n"
            f"metadata: {{name: quiet, annotations: {{{EXPORT_TO}: '{exported}'}}}}\n"
            "spec: {selector: {app: web}, ports: [{name: http, port: 8000}]}\n"
        )
        with lab.rules(service):
            assert (name in clusters(lab, "client"), name in clusters(lab, "caller", "other")) == (
                exported != "other",
                theirs,
            )


def test_a_headless_service_leads_to_the_address_that_its_name_gave(lab: LiveLab) -> None:
    status, cluster, server = reached(lab, "http://each-web:8000/hostname")
    assert (status, cluster) == (200, "outbound|8000||each-web.default.svc.cluster.local")
    assert server in SERVERS
    for name in SERVERS:
        found = reached(
            lab, f"http://{pod(lab, name)}:8000/hostname", headers={"host": "each-web.default:8000"}
        )
        assert found[2] == name


def sidecar(spec: str, namespace: str = "default") -> str:
    return networking("Sidecar", "scoped", spec, namespace)


def test_a_sidecar_keeps_only_the_clusters_it_lists(lab: LiveLab) -> None:
    only = sidecar(
        "workloadSelector: {labels: {app: client}}\n"
        "egress: [{hosts: ['./talk.default.svc.cluster.local', 'other/*']}]"
    )
    before, theirs = clusters(lab, "client"), clusters(lab, "caller", "other")
    with lab.rules(only):
        scoped = clusters(lab, "client")
        assert clusters(lab, "caller", "other") == theirs
        passed = reached(lab, f"{WEB}/hostname")
    assert scoped == {
        "outbound|9000||talk.default.svc.cluster.local",
        "outbound|8000||private.other.svc.cluster.local",
    }
    assert len(before) > len(scoped)
    assert clusters(lab, "client") == before
    assert passed[:2] == (200, "PassthroughCluster")


def test_a_sidecar_may_forbid_what_it_does_not_list(lab: LiveLab) -> None:
    only = sidecar(
        "workloadSelector: {labels: {app: client}}\noutboundTrafficPolicy: {mode: REGISTRY_ONLY}\n"
        "egress: [{hosts: ['other/*']}]"
    )
    with lab.rules(only):
        assert reached(lab, f"{WEB}/hostname")[0] == 502
        assert reached(lab, "http://private.other:8000/hostname")[2] == "private"


def test_a_sidecar_leads_a_port_of_its_own_to_the_application(lab: LiveLab) -> None:
    url = f"http://{pod(lab, 'private')}:9999/hostname"
    ingress = (
        "workloadSelector: {labels: {app: private}}\ningress:\n"
        "- {port: {number: 9999, protocol: HTTP, name: http}, defaultEndpoint: '127.0.0.1:8000'}"
    )
    assert lab.client.send(url)[0].status != 200
    with lab.rules(sidecar(ingress, "other")):
        log = lab.access_log("private", "other")
        (reply,) = lab.client.send(url)
        (line,) = log.awaited(1)
    assert hosts([reply]) == ["private"]
    assert (line["cluster"], line["host"]) == ("inbound|9999||", "127.0.0.1:8000")
