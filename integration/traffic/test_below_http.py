"""TCP and TLS routes: ports, weights, SNI, PROXY protocol."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter

import pytest

from integration.traffic.rules import likely, networking, pod, policy
from miniistiod.testing.live import LiveLab

pytestmark = pytest.mark.lab("traffic")

TALK, VEILED = "tcp://talk:9000", "tls://veiled:9443"
VERSIONS = "subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]\n"


def reached(lab: LiveLab, url: str, count: int = 1, **order: object) -> Counter[str]:
    """Which workloads greeted so many connections; an error counts under its name."""
    replies = lab.client.send(url, count=count, concurrency=4, **order)
    return Counter(reply.body.strip() or reply.error.partition(":")[0] for reply in replies)


def split(kind: str, host: str, weights: tuple[int, int], match: str = "") -> str:
    """A VirtualService that splits connections between v1 and v2."""
    ends = "".join(
        f"  - {{destination: {{host: {host}, subset: v{n}}}, weight: {w}}}\n"
        for n, w in enumerate(weights, 1)
    )
    head = f"- match: [{match}]\n  route:\n" if match else "- route:\n"
    return networking("VirtualService", host, f"hosts: [{host}]\n{kind}:\n{head}{ends}")


@pytest.mark.parametrize("weights", [(80, 20), (0, 100)])
def test_tcp_connections_are_split_by_weight(lab: LiveLab, weights: tuple[int, int]) -> None:
    with lab.rules(policy("", "talk", VERSIONS), split("tcp", "talk", weights)):
        seen = reached(lab, TALK, 300)
    assert sum(seen.values()) == 300
    assert likely(seen["talk-v2"], 300, weights[1] / 100), seen


def test_tcp_routes_match_the_port(lab: LiveLab) -> None:
    with lab.rules(policy("", "talk", VERSIONS), split("tcp", "talk", (0, 100), "{port: 9000}")):
        assert set(reached(lab, TALK, 20)) == {"talk-v2"}
    with lab.rules(policy("", "talk", VERSIONS), split("tcp", "talk", (0, 100), "{port: 9001}")):
        assert set(reached(lab, TALK, 40)) == {"talk-v1", "talk-v2"}


def test_tcp_routes_match_the_labels_of_the_caller(lab: LiveLab) -> None:
    rule = split("tcp", "talk", (0, 100), "{sourceLabels: {app: client}}")
    other = split("tcp", "talk", (0, 100), "{sourceLabels: {app: somebody}}")
    with lab.rules(policy("", "talk", VERSIONS), rule):
        assert set(reached(lab, TALK, 20)) == {"talk-v2"}
    with lab.rules(policy("", "talk", VERSIONS), other):
        assert set(reached(lab, TALK, 40)) == {"talk-v1", "talk-v2"}


SNI = """
hosts: [veiled, one.test, two.test]
tls:
- match: [{sniHosts: [one.test], port: 9443}]
  route: [{destination: {host: veiled, subset: v1}}]
- match: [{sniHosts: [two.test], port: 9443}]
  route: [{destination: {host: veiled, subset: v2}}]
"""


def test_tls_connections_are_routed_by_the_name_they_ask_for(lab: LiveLab) -> None:
    with lab.rules(policy("", "veiled", VERSIONS), networking("VirtualService", "veiled", SNI)):
        assert set(reached(lab, VEILED, 10, sni="one.test")) == {"veiled-v1"}
        assert set(reached(lab, VEILED, 10, sni="two.test")) == {"veiled-v2"}


def test_tls_connections_of_a_wildcard_are_split_by_weight(lab: LiveLab) -> None:
    spec = """
hosts: ["*.veiled.test", veiled]
tls:
- match: [{sniHosts: ["*.veiled.test"], port: 9443}]
  route:
  - {destination: {host: veiled, subset: v1}, weight: 25}
  - {destination: {host: veiled, subset: v2}, weight: 75}
"""
    with lab.rules(policy("", "veiled", VERSIONS), networking("VirtualService", "veiled", spec)):
        seen = reached(lab, VEILED, 160, sni="any.veiled.test")
    assert likely(seen["veiled-v2"], 160, 0.75), seen
    assert sum(seen.values()) == 160


PROXY_PROTOCOL = """
hosts: [plain.test]
addresses: [240.240.1.1]
ports: [{number: 9000, name: tcp, protocol: TCP}]
resolution: STATIC
endpoints: [{address: %s}]
"""
SIGNATURE = "\r\n\r\n\0\r\nQUIT\n"
"""What a header of version 2 begins with."""


def echoed(lab: LiveLab, *rules: str) -> str:
    """What a server got before the caller's `hello`, as it echoes it: a character for each byte."""
    entry = networking("ServiceEntry", "plain", PROXY_PROTOCOL % pod(lab, "talk-v1"))
    with lab.rules(entry, *rules):
        (reply,) = lab.client.send("tcp://240.240.1.1:9000", content="hello", until="hello")
    assert not reply.error, reply
    greeting, _, rest = reply.body.partition("\n")
    assert greeting == "talk-v1"
    return rest.removesuffix("hello")


def proxy_protocol(version: str) -> str:
    return policy(f"{{proxyProtocol: {{version: {version}}}}}", "plain.test")


def test_nothing_goes_before_what_the_caller_sends(lab: LiveLab) -> None:
    assert echoed(lab) == ""


def test_the_proxy_protocol_tells_who_calls_whom_in_a_line(lab: LiveLab) -> None:
    header = echoed(lab, proxy_protocol("V1"))
    assert re.fullmatch(rf"PROXY TCP4 {re.escape(pod(lab, 'client'))} 240\.240\.1\.1 \d+ 9000\r\n", header)


def test_the_proxy_protocol_tells_who_calls_whom_in_bytes(lab: LiveLab) -> None:
    """After the signature: version 2 and PROXY, TCP over IPv4, the length, both addresses, both ports."""
    header = echoed(lab, proxy_protocol("V2"))
    fields = header.removeprefix(SIGNATURE).encode("latin-1")
    client, server = ipaddress.ip_address(fields[4:8]), ipaddress.ip_address(fields[8:12])
    assert header.startswith(SIGNATURE)
    assert fields[:4] == b"\x21\x11" + (len(fields) - 4).to_bytes(2)
    assert (str(client), str(server)) == (pod(lab, "client"), "240.240.1.1")
    assert int.from_bytes(fields[14:16]) == 9000
