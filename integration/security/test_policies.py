"""AuthorizationPolicies in the lab: who decides, what the access log and the counters tell of it.

A client's Envoy uses each connection once here: a connection keeps the policies that it was opened under
until it is drained.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from miniistiod.cli import main
from miniistiod.testing.live import LiveLab
from miniistiod.testing.traffic import Reply

pytestmark = pytest.mark.lab("security")

URL = "http://httpbin:8000"
LINE = "a line of text\n"
"""Longer than the five bytes from which Envoy tells plaintext and TLS apart."""
ONCE = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: once}
spec: {host: httpbin, trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 1}}}}
"""
ALLOWED, DENIED = {"x-ext-authz": "allow"}, {"x-ext-authz": "no"}


def policy(name: str, spec: str, dry: bool = False) -> str:
    """One for httpbin."""
    trial = ", annotations: {istio.io/dry-run: 'true'}" if dry else ""
    return f"""
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: {name}{trial}}}
spec: {{selector: {{matchLabels: {{app: httpbin}}}}, {spec}}}
"""


def paths(*allowed: str) -> str:
    return f"rules: [{{to: [{{operation: {{paths: [{', '.join(allowed)}]}}}}]}}]"


@pytest.fixture(autouse=True)
def fresh_connections(lab: LiveLab) -> Iterator[None]:
    with lab.rules(ONCE):
        yield


def logged(lab: LiveLab, path: str, **order: object) -> tuple[int, str]:
    """A request's status, and what the server's Envoy says of it in its access log."""
    log = lab.access_log("httpbin")
    (reply,) = lab.client.send(URL + path, **order)
    return reply.status, log.entry(path)["details"]


def counter(lab: LiveLab, name: str) -> int:
    """A counter of the rbac filter on port 8000 of httpbin's Envoy."""
    whole = f"http.inbound_0.0.0.0_8000;.rbac.{name}: "
    lines = lab.proxy("httpbin", "/stats?filter=rbac").splitlines()
    return next((int(line.removeprefix(whole)) for line in lines if line.startswith(whole)), 0)


def test_the_access_log_names_the_rule_that_denies(lab: LiveLab) -> None:
    closed = policy("closed", "action: DENY, " + paths("/anything/x") + "")
    with lab.rules(closed, policy("open", paths("/anything*"))):
        seen = [logged(lab, path) for path in ("/anything/x", "/anything/y", "/uuid")]
    assert seen == [
        (403, "rbac_access_denied_matched_policy[ns[default]-policy[closed]-rule[0]]"),
        (200, "via_upstream"),
        (403, "rbac_access_denied_matched_policy[none]"),
    ]


def test_an_empty_spec_denies_all_and_an_empty_rule_allows_all(lab: LiveLab) -> None:
    target = "selector: {matchLabels: {app: httpbin}}, "
    with lab.rules(policy("nothing", "").replace(target, target[:-2])):
        assert logged(lab, "/headers?1") == (403, "rbac_access_denied_matched_policy[none]")
    with lab.rules(policy("all", "rules: [{}]")):
        assert logged(lab, "/headers?2") == (200, "via_upstream")


def test_audit_decides_nothing(lab: LiveLab) -> None:
    with lab.rules(policy("seen", "action: AUDIT, " + paths("/uuid*"))):
        before = counter(lab, "allowed"), counter(lab, "denied")
        assert logged(lab, "/uuid?audit") == (200, "via_upstream")
        assert logged(lab, "/headers?audit") == (200, "via_upstream")
        assert (counter(lab, "allowed"), counter(lab, "denied")) == (before[0] + 2, before[1])


def test_a_dry_run_is_counted_and_decides_nothing(lab: LiveLab) -> None:
    deny, allow = "istio_dry_run_deny_.shadow_denied", "istio_dry_run_allow_.shadow_denied"
    with lab.rules(policy("trial", "action: DENY, " + paths("/uuid*"), dry=True)):
        before = counter(lab, deny)
        assert logged(lab, "/uuid?dry") == (200, "via_upstream")
        assert logged(lab, "/headers?dry") == (200, "via_upstream")
        assert counter(lab, deny) == before + 1
    with lab.rules(policy("trial", paths("/uuid*"), dry=True)):
        before = counter(lab, allow)
        assert logged(lab, "/headers?dry-allow") == (200, "via_upstream")
        assert counter(lab, allow) == before + 1


def said(lab: LiveLab, client: str = "client") -> tuple[str, str]:
    """A TCP connection: what came back, and how its end is logged."""
    log = lab.access_log("httpbin")
    (reply,) = lab.caller(client).send("tcp://httpbin:9000", content=LINE, until=LINE)
    (entry,) = log.awaited(1)
    return reply.body, entry["connection"]


@pytest.mark.parametrize("client", ["client", "outsider"])
def test_http_fields_on_a_tcp_port_fail_closed(lab: LiveLab, client: str) -> None:
    get = "rules: [{to: [{operation: {methods: [GET]}}]}]"
    with lab.rules(policy("allow", get)):
        assert said(lab, client) == ("", "rbac_access_denied_matched_policy[none]")
    with lab.rules(policy("deny", f"action: DENY, {get}")):
        assert said(lab, client) == (
            "",
            "rbac_access_denied_matched_policy[ns[default]-policy[deny]-rule[0]]",
        )
    # What is left of this rule on TCP is its port, and this is another one.
    with_port = "rules: [{to: [{operation: {methods: [GET], ports: ['8000']}}]}]"
    with lab.rules(policy("deny", f"action: DENY, {with_port}")):
        assert said(lab, client) == (f"httpbin\n{LINE}", "-")


@pytest.mark.parametrize("provider", ["authorizer-http", "authorizer-grpc"])
def test_custom_then_deny_then_allow(lab: LiveLab, provider: str) -> None:
    """Each of the three refuses what those before it let pass; the authorizer is asked first."""
    asks = policy("ask", f"action: CUSTOM, provider: {{name: {provider}}}, rules: [{{}}]")
    ports = asks.replace("[{}]", "[{to: [{operation: {ports: ['8000']}}]}]")
    with lab.rules(
        ports, policy("never", "action: DENY, " + paths("/uuid")), policy("open", paths("/anything"))
    ):
        assert logged(lab, "/uuid", headers=DENIED) == (403, "ext_authz_denied")
        denying = "rbac_access_denied_matched_policy[ns[default]-policy[never]-rule[0]]"
        assert logged(lab, "/uuid", headers=ALLOWED) == (403, denying)
        assert logged(lab, "/ip", headers=ALLOWED) == (403, "rbac_access_denied_matched_policy[none]")
        assert logged(lab, "/anything", headers=DENIED) == (403, "ext_authz_denied")
        assert logged(lab, "/anything", headers=ALLOWED) == (200, "via_upstream")


@pytest.mark.parametrize("provider", ["authorizer-http", "authorizer-grpc"])
def test_the_authorizer_speaks_to_both_sides(lab: LiveLab, provider: str) -> None:
    spec = "rules: [{to: [{operation: {ports: ['8000']}}]}]"
    with lab.rules(policy("ask", f"action: CUSTOM, provider: {{name: {provider}}}, {spec}")):
        refused, passed = (lab.client.send(f"{URL}/headers", headers=h)[0] for h in (DENIED, ALLOWED))
    assert (refused.status, refused.headers["x-ext-authz-check-result"]) == (403, "denied")
    assert "x-ext-authz: allow" in refused.body
    assert upstream(passed)["x-ext-authz-check-result"] == "allowed"


def upstream(reply: Reply) -> dict[str, str]:
    """The headers that came to the server."""
    found: dict[str, str] = reply.json()["headers"]
    return found


def test_a_grpc_authorizer_decides_about_tcp_by_identity(lab: LiveLab) -> None:
    spec = "rules: [{to: [{operation: {ports: ['9000']}}]}]"
    with lab.rules(policy("ask", f"action: CUSTOM, provider: {{name: authorizer-grpc}}, {spec}")):
        assert said(lab)[0] == f"httpbin\n{LINE}"
        assert said(lab, "outsider")[0] == ""


def authz(lab: LiveLab, *words: str) -> str:
    """`miniistiod authz ...` about this lab; it fails when Envoy decides otherwise."""
    environment = {"MINIISTIOD_LAB_STATE": str(lab.state.folder)}
    done = CliRunner().invoke(main, ["authz", *words], env=environment)
    assert done.exit_code == 0, done.output
    return done.stdout


REQUESTS = (
    ("--path", "/headers"),
    ("--path", "/headers", "--from", "outsider"),
    ("--path", "/status/200"),
    ("--path", "/status/200", "--method", "POST", "-H", "x-team: red"),
    ("--path", "/anything", "-H", "x-team: red", "--port", "8001", "--from", "outsider"),
    ("--path", "/anything", "--method", "PUT", "--from", "outsider"),
    ("--tcp", "--port", "9000"),
    ("--tcp", "--port", "9000", "--from", "outsider"),
)


def test_authz_why_is_proved_by_the_real_envoy(lab: LiveLab) -> None:
    rules = (
        policy(
            "closed", "action: DENY, rules: [{to: [{operation: {paths: ['/status/*'], ports: ['8000']}}]}]"
        ),
        policy("by-name", "rules: [{from: [{source: {principals: ['*/sa/client']}}]}]"),
        policy("by-team", "rules: [{when: [{key: 'request.headers[x-team]', values: [red]}]}]"),
        policy("ports", "rules: [{to: [{operation: {methods: [PUT], ports: ['8000']}}]}]"),
    )
    with lab.rules(*rules):
        checked = authz(lab, "check", "httpbin")
        answers = [authz(lab, "why", "httpbin", *words) for words in REQUESTS]
        silent = authz(lab, "why", "httpbin", "--no-fire", "--path", "/status/1", "--port", "8000")
    assert [line.split()[:2] for line in checked.splitlines() if ".default" in line] == [
        ["DENY", "closed.default"],
        *(["ALLOW", f"{name}.default"] for name in ("by-name", "by-team", "ports")),
    ]
    assert all(answer.endswith("both agree\n") for answer in answers)
    verdicts = [answer.partition(":")[0] for answer in answers]
    assert verdicts == ["allowed", "denied", "denied", "denied", "allowed", "allowed", "allowed", "denied"]
    assert silent.startswith("denied")
    assert "the Envoy" not in silent
