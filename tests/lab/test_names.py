"""The name server's replies, read by a DNS library."""

from __future__ import annotations

import dns.message
import dns.rcode

from miniistiod.lab.names import answer

KNOWN = {
    "reviews.default.svc.cluster.local": ("10.96.0.1",),
    "db.default.svc.cluster.local": (),
    "*.example.com": ("10.96.0.2",),
    "*.deep.example.com": ("10.96.0.3",),
    "own.example.com": ("10.96.0.4",),
}


def asked(name: str, kind: str = "A") -> dns.message.Message:
    reply = answer(dns.message.make_query(name, kind).to_wire(), KNOWN)
    assert reply is not None
    return dns.message.from_wire(reply)


def test_a_known_name_has_its_address_in_any_case() -> None:
    for name in ("reviews.default.svc.cluster.local", "Reviews.Default.svc.cluster.local."):
        assert [r.address for rrset in asked(name).answer for r in rrset] == ["10.96.0.1"]


def test_a_name_of_its_own_goes_before_the_narrowest_wildcard() -> None:
    names = ("own.example.com", "any.example.com", "a.any.example.com", "a.deep.example.com")
    found = [[r.address for rrset in asked(name).answer for r in rrset] for name in names]
    assert found == [["10.96.0.4"], ["10.96.0.2"], ["10.96.0.2"], ["10.96.0.3"]]
    assert asked("example.com").rcode() == dns.rcode.NXDOMAIN


def test_an_unknown_name_does_not_exist() -> None:
    assert asked("nobody.example").rcode() == dns.rcode.NXDOMAIN


def test_a_known_name_without_addresses_exists_and_is_empty() -> None:
    for reply in (asked("db.default.svc.cluster.local"), asked("reviews.default.svc.cluster.local", "AAAA")):
        assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])


def test_what_is_no_query_gets_no_answer() -> None:
    assert answer(b"nonsense", KNOWN) is None
    assert answer(asked("nobody.example").to_wire(), KNOWN) is None
