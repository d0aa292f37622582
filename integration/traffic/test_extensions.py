"""Filters that users bring, in real Envoys: Lua in its phase, Wasm from a server or a file, some by name."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from integration.traffic.rules import WEB, networking, policy, statuses
from integration.traffic.wasm_module import adding_header
from miniistiod.testing.live import LiveLab

pytestmark = pytest.mark.lab("traffic")

HEADERS = f"{WEB}/headers"
ADDS = "function envoy_on_request(handle) handle:headers():add('x-lua', '{}') end"
MODULE = adding_header("x-wasm", "yes")
HASH = hashlib.sha256(MODULE).hexdigest()
FRESH = policy("{connectionPool: {http: {maxRequestsPerConnection: 1}}}")
"""A connection to a server keeps the filters that it was opened under, so each is used once."""


def extension(spec: str, name: str = "added", kind: str = "TrafficExtension") -> str:
    """A TrafficExtension or WasmPlugin; `spec` in YAML's short form."""
    return (
        f"apiVersion: extensions.istio.io/v1alpha1\nkind: {kind}\n"
        f"metadata: {{name: {name}, namespace: default}}\nspec: {spec}\n"
    )


def seen(lab: LiveLab, header: str) -> set[str | None]:
    """What the servers saw in a header."""
    return {reply.json()["headers"].get(header) for reply in lab.client.send(HEADERS, count=6)}


def test_a_script_runs_for_its_workload_and_direction(lab: LiveLab) -> None:
    """Were it the servers' too, the header would be there twice."""
    script = ADDS.format("client")
    spec = f'{{match: [{{mode: CLIENT, ports: [{{number: 8000}}]}}], lua: {{inlineCode: "{script}"}}}}'
    assert seen(lab, "x-lua") == {None}
    with lab.rules(extension(spec)):
        assert seen(lab, "x-lua") == {"client"}
    assert seen(lab, "x-lua") == {None}


@pytest.mark.parametrize(("phase", "status"), [("AUTHN", 200), ("AUTHZ", 200), ("STATS", 403)])
def test_a_script_comes_before_the_policies_only_in_the_early_phases(
    lab: LiveLab, phase: str, status: int
) -> None:
    """The policy wants a header that only the script adds."""
    script = extension(
        f"{{selector: {{matchLabels: {{app: web}}}}, phase: {phase}, match: [{{mode: SERVER}}],"
        f' lua: {{inlineCode: "{ADDS.format("admitted")}"}}}}'
    )
    wanted = (
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"
        "metadata: {name: header, namespace: default}\n"
        "spec: {selector: {matchLabels: {app: web}}, rules: [{when:"
        ' [{key: "request.headers[x-lua]", values: [admitted]}]}]}\n'
    )
    with lab.rules(script, wanted, FRESH):
        assert statuses(lab.client.send(HEADERS, count=6)) == {status: 6}


def test_the_higher_priority_runs_first(lab: LiveLab) -> None:
    first = extension(
        f'{{priority: 2, match: [{{mode: CLIENT}}], lua: {{inlineCode: "{ADDS.format("1")}"}}}}', "b"
    )
    second = extension(
        f'{{priority: 1, match: [{{mode: CLIENT}}], lua: {{inlineCode: "{ADDS.format("2")}"}}}}', "a"
    )
    with lab.rules(first, second):
        assert seen(lab, "x-lua") == {"1, 2"}


@pytest.mark.parametrize("kind", ["TrafficExtension", "WasmPlugin"])
def test_a_module_is_fetched_from_a_server(lab: LiveLab, kind: str) -> None:
    url = f"http://www.outside.test/base64/{base64.urlsafe_b64encode(MODULE).decode()}"
    wasm = f"{{url: '{url}', sha256: '{HASH}'}}"
    spec = wasm if kind == "WasmPlugin" else f"{{match: [{{mode: CLIENT}}], wasm: {wasm}}}"
    with lab.rules(extension(spec, kind=kind), FRESH):
        assert seen(lab, "x-wasm") == ({"yes, yes"} if kind == "WasmPlugin" else {"yes"})


def test_a_module_is_read_from_a_file(lab: LiveLab, tmp_path: Path) -> None:
    file = tmp_path / "module.wasm"
    file.write_bytes(MODULE)
    with lab.rules(extension(f"{{match: [{{mode: CLIENT}}], url: 'file://{file}'}}", kind="WasmPlugin")):
        assert seen(lab, "x-wasm") == {"yes"}


@pytest.mark.parametrize(("strategy", "status"), [("FAIL_OPEN", 200), ("FAIL_CLOSE", 403)])
def test_an_image_cannot_be_had_and_the_fail_strategy_decides(
    lab: LiveLab, strategy: str, status: int
) -> None:
    spec = (
        f"{{selector: {{matchLabels: {{app: web}}}}, url: 'oci://registry.test/a', failStrategy: {strategy}}}"
    )
    with lab.rules(extension(spec, kind="WasmPlugin"), FRESH):
        assert statuses(lab.client.send(HEADERS, count=6)) == {status: 6}


LUA = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"
NAMED = f"""
configPatches:
- applyTo: EXTENSION_CONFIG
  patch:
    operation: ADD
    value:
      name: by-name
      typed_config: {{"@type": {LUA}, default_source_code: {{inline_string: "{ADDS.format("named")}"}}}}
- applyTo: HTTP_FILTER
  match:
    context: SIDECAR_OUTBOUND
    listener: {{filterChain: {{filter: {{name: envoy.filters.network.http_connection_manager}}}}}}
  patch:
    operation: INSERT_FIRST
    value:
      name: by-name
      config_discovery:
        config_source: {{ads: {{}}, initial_fetch_timeout: 0s, resource_api_version: V3}}
        type_urls: [{LUA}]
"""


def test_a_filter_that_an_envoy_filter_names_comes_by_its_name(lab: LiveLab) -> None:
    with lab.rules(networking("EnvoyFilter", "named", NAMED, version="v1alpha3")):
        assert seen(lab, "x-lua") == {"named"}
