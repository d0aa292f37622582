"""The capture rules, held against those that istio-init lays for the same wishes."""

from __future__ import annotations

import re

from miniistiod.lab.capture import Capture, capture_of, capture_rules

ISTIO = """
-A ISTIO_INBOUND -p tcp --dport 15008 -j RETURN
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
-A PREROUTING -p tcp -j ISTIO_INBOUND
-A ISTIO_INBOUND -p tcp --dport 15090 -j RETURN
-A ISTIO_INBOUND -p tcp --dport 15021 -j RETURN
-A ISTIO_INBOUND -p tcp --dport 15020 -j RETURN
-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT
-A OUTPUT -j ISTIO_OUTPUT
-A ISTIO_OUTPUT -o lo -s 127.0.0.6/32 -j RETURN
-A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
-A ISTIO_OUTPUT -j ISTIO_REDIRECT
"""
"""What istio-init appends for an injected Pod (-u 1337 -i * -b * -d 15090,15021,15020)."""


def appended(rules: str) -> list[str]:
    """The rules of a table in their order, with Envoy told by its user id, as Istio does."""
    by_user = re.sub(r"-m mark (! )?--mark (\d+)", r"-m owner \1--uid-owner \2", rules)
    return [line for line in by_user.splitlines() if line.startswith("-A")]


def test_an_injected_pod_is_captured_as_istio_captures_it() -> None:
    assert appended(capture_rules(capture_of({}))) == ISTIO.strip().splitlines()


def test_rules_are_one_transaction_on_the_nat_table_with_every_chain_declared() -> None:
    lines = capture_rules(Capture()).splitlines()
    assert (lines[0], lines[-1]) == ("*nat", "COMMIT")
    declared = {line.split()[1] for line in lines if line.startswith("-N")}
    targets = {line.split("-j ")[1].split()[0] for line in lines if "-j ISTIO" in line}
    assert targets <= declared


def test_excluded_inbound_ports_return_before_everything_is_redirected() -> None:
    rules = appended(capture_rules(capture_of({"traffic.sidecar.istio.io/excludeInboundPorts": "22, 3306"})))
    everything = rules.index("-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT")
    assert rules.index("-A ISTIO_INBOUND -p tcp --dport 22 -j RETURN") < everything
    assert rules.index("-A ISTIO_INBOUND -p tcp --dport 3306 -j RETURN") < everything


def test_listed_inbound_ports_are_the_only_ones_redirected() -> None:
    rules = appended(capture_rules(capture_of({"traffic.sidecar.istio.io/includeInboundPorts": "80,443"})))
    inbound = [rule for rule in rules if rule.endswith("ISTIO_IN_REDIRECT") and "ISTIO_INBOUND" in rule]
    assert inbound == [f"-A ISTIO_INBOUND -p tcp --dport {port} -j ISTIO_IN_REDIRECT" for port in (80, 443)]


def test_no_inbound_port_means_no_inbound_capture() -> None:
    rules = appended(capture_rules(capture_of({"traffic.sidecar.istio.io/includeInboundPorts": ""})))
    assert not [rule for rule in rules if rule.startswith("-A PREROUTING")]


def test_outbound_wishes_keep_istios_order_excluded_ports_ranges_then_included() -> None:
    prefix = "traffic.sidecar.istio.io/"
    rules = appended(
        capture_rules(
            capture_of(
                {
                    prefix + "excludeOutboundPorts": "9200",
                    prefix + "excludeOutboundIPRanges": "1.1.0.0/16",
                    prefix + "includeOutboundIPRanges": "9.9.0.0/16",
                    prefix + "includeOutboundPorts": "31000",
                }
            )
        )
    )
    wishes = [
        "-A ISTIO_OUTPUT -p tcp --dport 9200 -j RETURN",
        "-A ISTIO_OUTPUT -p udp --dport 9200 -j RETURN",
        "-A ISTIO_OUTPUT -o lo -s 127.0.0.6/32 -j RETURN",
        "-A ISTIO_OUTPUT -d 1.1.0.0/16 -j RETURN",
        "-A ISTIO_OUTPUT -p tcp --dport 31000 -j ISTIO_REDIRECT",
        "-A ISTIO_OUTPUT -d 9.9.0.0/16 -j ISTIO_REDIRECT",
    ]
    assert [rule for rule in rules if rule in wishes] == wishes
    assert "-A ISTIO_OUTPUT -j ISTIO_REDIRECT" not in rules
