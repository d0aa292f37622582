"""`miniistiod token` and `miniistiod authz`, as a user calls them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import jwt
from click.testing import CliRunner

from miniistiod.ca import tokens
from miniistiod.ca.identity import Identity
from miniistiod.cli import main
from miniistiod.server import authority_store

POLICIES = """
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: shop, labels: {app: web}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: closed, namespace: shop}
spec:
  action: DENY
  rules:
  - to: [{operation: {paths: [/other]}}]
  - to: [{operation: {paths: [/admin*]}}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: members, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  rules: [{when: [{key: "request.auth.claims[groups]", values: [member]}]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: elsewhere, namespace: shop}
spec: {selector: {matchLabels: {app: other}}, rules: [{}]}
"""


def called(*words: str) -> str:
    result = CliRunner().invoke(main, list(words))
    assert result.exit_code == 0, result.output
    return result.output


def test_a_minted_token_verifies_with_the_printed_key_set(tmp_path: Path) -> None:
    key = str(tmp_path / "key.pem")
    words = ["--issuer", "i", "--subject", "s", "--audience", "a"]
    words += ["--claim", 'groups=["x"]', "--claim", "n=plain"]
    text = called("token", "mint", "--key", key, *words).strip()
    keys = jwt.PyJWKSet.from_json(called("token", "jwks", "--key", key))
    claims = jwt.decode(text, keys.keys[0], algorithms=["RS256"], audience="a", issuer="i")
    assert (claims["sub"], claims["groups"], claims["n"]) == ("s", ["x"], "plain")
    assert Path(key).stat().st_mode & 0o077 == 0


def test_a_workload_s_token_is_believed_by_the_control_plane(tmp_path: Path) -> None:
    key = authority_store.token_key(tmp_path)
    text = called("token", "workload", "shop/web", "--ca-directory", str(tmp_path)).strip()
    issuer = tokens.Issuer(tokens.ISSUER, tokens.key_set([key.public_key()]))
    proven = tokens.identity(text, [issuer], "cluster.local", datetime.now(UTC))
    assert proven == Identity("cluster.local", "shop", "web")


def test_authz_check_lists_what_selects_the_workload(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(POLICIES)
    lines = called("authz", "check", "web-0.shop", "-c", str(tmp_path)).splitlines()
    assert [line.split()[:3] for line in lines[1:] if "shop" in line] == [
        ["DENY", "closed.shop", "2"],
        ["ALLOW", "members.shop", "1"],
    ]


def test_authz_why_names_policy_rule_and_place(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(POLICIES)

    def why(*words: str) -> str:
        return called("authz", "why", "web-0", "-c", str(file), *words)

    member = json.dumps({"groups": ["guest", "member"]})
    denied = why("--path", "/admin/x", "--claims", member)
    assert denied.startswith("denied: a DENY policy matches")
    assert f"closed.shop, rule 1 (ns[shop]-policy[closed]-rule[1]), from {file}:6" in denied
    assert why("--claims", member).startswith("allowed: an ALLOW policy matches")
    assert why().startswith("denied: there are ALLOW policies, and none matches")


def test_authz_without_a_lab_asks_for_files(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["authz", "check", "web-0", "--state", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "--config" in result.output


def test_authz_reads_the_configuration_of_a_lab_that_does_not_run(tmp_path: Path) -> None:
    for folder in ("config", "reported"):
        (tmp_path / folder).mkdir()
    (tmp_path / "config" / "p.yaml").write_text(POLICIES)
    answer = called("authz", "why", "web-0", "--state", str(tmp_path), "--path", "/other")
    assert "closed.shop, rule 0" in answer
    assert "the Envoy" not in answer


def test_of_several_rules_that_deny_why_names_the_one_that_envoy_does(tmp_path: Path) -> None:
    """Envoy goes through them by name: alpha, though closed was read first."""
    _, closed, *_ = POLICIES.split("---")
    alpha = closed.replace("closed", "alpha")
    (tmp_path / "p.yaml").write_text(f"{POLICIES}---{alpha}")
    answer = called("authz", "why", "web-0", "-c", str(tmp_path), "--path", "/other")
    assert "alpha.shop, rule 0" in answer
