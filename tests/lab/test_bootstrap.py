"""The bootstrap: what the Node says, and that a real Envoy takes it."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from miniistiod.ca.authority import self_signed
from miniistiod.ca.keys import private_key
from miniistiod.lab.sidecar import envoy_command
from miniistiod.proxy.bootstrap import Workload, as_json, bootstrap
from miniistiod.proxy.bootstrap_statics import Discovery, token_secret

REVIEWS = Workload(
    "reviews-v2",
    "default",
    "10.244.0.15",
    labels={"app": "reviews", "version": "v2", "istio-locality": "eu.west.a"},
    service_account="bookinfo-reviews",
    owner="reviews-v2",
)


def made(discovery: Discovery, **options: Any) -> dict[str, Any]:
    return json.loads(as_json(bootstrap(REVIEWS, discovery, **options)))


def test_the_node_says_who_the_workload_is() -> None:
    node = made(Discovery("10.244.0.1", 15010))["node"]
    assert node["id"] == "sidecar~10.244.0.15~reviews-v2.default~default.svc.cluster.local"
    assert node["cluster"] == "reviews.default"
    assert node["locality"] == {"region": "eu", "zone": "west", "sub_zone": "a"}
    said = node["metadata"]
    assert (said["NAME"], said["NAMESPACE"], said["INSTANCE_IPS"]) == ("reviews-v2", "default", "10.244.0.15")
    assert (said["SERVICE_ACCOUNT"], said["LABELS"]["version"]) == ("bookinfo-reviews", "v2")


def test_its_own_connections_bear_the_mark_unless_nothing_is_captured() -> None:
    where = Discovery("10.244.0.1", 15010)
    (option,) = made(where)["cluster_manager"]["upstream_bind_config"]["socket_options"]
    assert (option["level"], option["name"], option["int_value"]) == ("1", "36", "1337")
    assert "upstream_bind_config" not in made(where, mark=0).get("cluster_manager", {})


def test_a_name_is_resolved_and_an_address_is_not() -> None:
    types = {
        host: next(
            c for c in made(Discovery(host, 1))["static_resources"]["clusters"] if c["name"] == "xds-grpc"
        )
        for host in ("istiod.istio-system.svc", "10.244.0.1")
    }
    assert types["istiod.istio-system.svc"]["type"] == "STRICT_DNS"
    assert types["10.244.0.1"].get("type", "STATIC") == "STATIC"


def patterns(workload: Workload, proxy_config: dict[str, Any]) -> list[dict[str, Any]]:
    """What a workload's Envoy keeps of its statistics."""
    text = as_json(bootstrap(workload, Discovery("10.244.0.1", 1), proxy_config=proxy_config))
    found: list[dict[str, Any]] = json.loads(text)["stats_config"]["stats_matcher"]["inclusion_list"][
        "patterns"
    ]
    return found


def test_all_statistics_are_kept_until_somebody_chooses() -> None:
    assert "stats_matcher" not in made(Discovery("10.244.0.1", 1))["stats_config"]
    chosen = patterns(REVIEWS, {"proxyStatsMatcher": {"inclusionPrefixes": ["http.{pod_ip}_"]}})
    assert {"prefix": "http.10.244.0.15_"} in chosen
    assert {"prefix": "listener_manager"} in chosen, "readiness is told by it"


def test_an_annotation_hides_only_its_own_list_of_what_is_kept() -> None:
    annotated = replace(REVIEWS, annotations={"sidecar.istio.io/statsInclusionSuffixes": "a,b"})
    matcher = {"inclusionPrefixes": ["p"], "inclusionSuffixes": ["s"], "inclusionRegexps": ["r"]}
    ours = [{"prefix": "p"}, {"suffix": "a"}, {"suffix": "b"}, {"suffix": "s"}]
    chosen = patterns(annotated, {"proxyStatsMatcher": matcher})
    assert [each for each in chosen if each in ours] == [ours[0], ours[1], ours[2]]
    assert {"safe_regex": {"regex": "r"}} in chosen


@pytest.mark.parametrize(
    ("statistic", "label", "value"),
    [
        ("cluster.outbound|9080|v1|reviews;.upstream_rq", "cluster_name", "outbound|9080|v1|reviews"),
        ("http.outbound_0.0.0.0_9080;.rq_total", "http_conn_manager_prefix", "outbound_0.0.0.0_9080"),
        ("cluster.outbound|9080||reviews;.upstream_rq_503", "response_code", "503"),
        ("cluster.outbound|9080||reviews;.upstream_rq_5xx", "response_code_class", "5xx"),
        ("http.inbound_0.0.0.0_80;.rbac.allowed", "authz_enforce_result", "allowed"),
    ],
)
def test_a_part_of_a_statistics_name_becomes_a_label(statistic: str, label: str, value: str) -> None:
    tags = made(Discovery("10.244.0.1", 1))["stats_config"]["stats_tags"]
    (expression,) = (tag["regex"] for tag in tags if tag["tag_name"] == label)
    found = re.search(expression.replace("[:digit:]", "0-9"), statistic)
    assert found
    assert found[2] == value


@pytest.mark.parametrize("secure", [False, True])
def test_envoy_accepts_it(tmp_path: Path, secure: bool) -> None:
    token, root = tmp_path / "token.json", tmp_path / "root.pem"
    token.write_text(token_secret("abc"))
    root.write_bytes(self_signed(datetime.now(UTC), private_key()).roots_pem)
    where = (
        Discovery("istiod.istio-system.svc", 15012, str(root), str(token))
        if secure
        else Discovery("127.0.0.1", 1)
    )
    path = tmp_path / "bootstrap.json"
    path.write_text(as_json(bootstrap(REVIEWS, where)))
    done = subprocess.run(
        [*envoy_command(path), "--mode", "validate"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
