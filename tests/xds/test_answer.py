"""P2 to P8, P25, P26: ACK, NACK, nonces and versions."""

from __future__ import annotations

import pytest

from miniistiod.xds.memo import Memo
from miniistiod.xds.message import DeltaRequest, SotwRequest
from miniistiod.xds.resource import resource
from miniistiod.xds.type_rules import CDS, EDS, RDS
from tests.xds.playbook import (
    Playbook,
    ack,
    changes,
    has,
    loses,
    nack,
    nothing,
    patience_ends,
    response,
    says,
    subscribe,
)


def states(book: Playbook, type_url: str):
    return book.session.states[type_url]


def test_p2_an_ack_is_not_answered(book):
    book >> has(CDS, "a") >> subscribe(CDS) << response("a")
    for _ in range(5):
        book >> ack() << nothing()
    assert states(book, CDS).status == "SYNCED"


def test_p3_a_nack_is_kept_with_its_reason_and_never_answered_by_the_same(book):
    book.now = 12.5
    (
        book
        >> has(CDS, "a", "b")
        >> subscribe(CDS)
        << response("a", "b")
        >> nack("Error adding cluster(s) a: bad")
    )
    kept = states(book, CDS).book.rejected
    assert (kept.reason, kept.time, kept.nonce) == ("Error adding cluster(s) a: bad", 12.5, book.latest.nonce)
    assert kept.version == book.latest.version
    assert kept.culprits == {"a"}
    assert states(book, CDS).status == "NACKED"
    book << nothing() >> nack("again") << nothing()
    (
        book
        >> changes(CDS, "a=2")
        << (response("a=2") if book.delta else response("a=2", "b"))
        << nothing()
        >> ack()
    )
    assert states(book, CDS).status == "SYNCED"
    assert states(book, CDS).book.rejected is None


def test_p3_a_delta_client_stays_nacked_until_the_bad_resource_itself_is_mended(delta):
    delta >> has(CDS, "a", "b") >> subscribe(CDS) << response("a", "b") >> nack("cluster a: no")
    delta >> changes(CDS, "b=2") << response("b=2") >> ack()
    assert states(delta, CDS).status == "NACKED"
    delta >> loses(CDS, "a") << response(removed=("a",)) >> ack()
    assert states(delta, CDS).status == "SYNCED"


def test_p4_a_nack_is_told_by_its_error_not_by_its_version(sotw):
    """The client has A, adds a bad B of the same version, and rejects it with that version."""
    sotw >> has(EDS, "A", "B=bad") >> says(SotwRequest(EDS, ("A",))) << response("A") >> ack()
    sotw >> says(SotwRequest(EDS, ("A", "B")), latest=True) << response("B=bad")
    sotw >> nack("B is bad") << nothing()
    assert states(sotw, EDS).status == "NACKED"
    sotw >> changes(EDS, "B=good") << response("B=good") >> ack() << nothing()
    assert states(sotw, EDS).status == "SYNCED"


def test_p5_a_stale_request_is_not_answered_and_its_names_come_with_the_next_ack(sotw):
    sotw >> has(EDS, "a", "b") >> says(SotwRequest(EDS, ("a",))) << response("a")
    first = sotw.latest.nonce
    sotw >> ack() >> changes(EDS, "a=2") << response("a=2")
    sotw >> says(SotwRequest(EDS, ("a", "b"), nonce=first)) << nothing()
    sotw >> says(SotwRequest(EDS, ("a", "b")), latest=True) << response("b") << nothing()


def test_p5_a_stale_nack_is_recorded_all_the_same(sotw):
    sotw >> has(EDS, "a=1") >> says(SotwRequest(EDS, ("a",))) << response("a=1")
    first = sotw.latest.nonce
    sotw >> changes(EDS, "a=2") << nothing() >> patience_ends() << response("a=2")
    sotw >> says(SotwRequest(EDS, ("a",), nonce=first, error="a: no")) << nothing()
    assert states(sotw, EDS).book.rejected.reason == "a: no"


def test_p6_a_stale_nonce_does_not_spoil_a_subscription(delta):
    delta >> has(EDS, "a", "b") >> subscribe(EDS, "a") << response("a") >> ack()
    delta >> says(DeltaRequest(EDS, subscribe=("b",), nonce="stale")) << response("b") << nothing()
    delta >> says(DeltaRequest(EDS, unsubscribe=("b",), nonce="stale")) >> changes(EDS, "b=2") << nothing()


def test_p7_an_ack_may_carry_a_subscription(delta):
    delta >> has(EDS, "a", "b") >> subscribe(EDS, "a") << response("a")
    delta >> says(DeltaRequest(EDS, subscribe=("b",)), latest=True) << response("b") << nothing()
    assert states(delta, EDS).book.acked_nonce == "s-1"


def test_p7_a_nack_may_carry_a_subscription(delta):
    delta >> has(EDS, "a", "b") >> subscribe(EDS, "a") << response("a")
    (
        delta
        >> says(DeltaRequest(EDS, subscribe=("b",), error="a: no"), latest=True)
        << response("b")
        << nothing()
    )
    assert states(delta, EDS).status == "NACKED"


def test_p8_nonces_are_never_used_twice(book):
    nonces = set()
    book >> has(RDS, "a") >> subscribe(RDS, "a") << response("a")
    for content in range(20):
        nonces.add(book.latest.nonce)
        book >> ack() >> changes(RDS, f"a={content}") << response(f"a={content}")
    assert len(nonces | {book.latest.nonce}) == 21


def test_p8_a_nonce_of_another_stream_is_no_ack(delta):
    delta >> has(CDS, "a") >> subscribe(CDS) << response("a")
    delta >> says(DeltaRequest(CDS, nonce="other-1")) << nothing()
    assert states(delta, CDS).status == "STALE"


def test_p25_versions_belong_to_content(book):
    again = Playbook(type(book.session)(Memo("t-")))
    for one in (book, again):
        one >> has(CDS, "a", "b") >> subscribe(CDS) << response("a", "b")
    assert book.latest.version == again.latest.version
    assert book.latest.nonce != again.latest.nonce
    again >> ack() >> changes(CDS, "b=2") << (response("b=2") if again.delta else response("a", "b=2"))
    assert book.latest.version != again.latest.version


def test_p25_a_resource_keeps_its_version_over_restarts():
    """The expected value is what `printf body | b2sum -l 64` says."""
    assert resource("a", b"body").version == "ec2edbeabbed4a40"
    assert resource("a", b"body").version != resource("a", b"other").version


@pytest.mark.parametrize("type_url", [CDS, RDS])
def test_p26_nothing_changed_nothing_sent(book, type_url):
    (
        book
        >> has(type_url, "a", "b")
        >> subscribe(type_url, "*")
        << response("a", "b")
        >> ack()
        >> has(type_url, "b", "a")
        << nothing()
    )


def test_p26_there_and_back_before_it_was_sent_is_nothing(book):
    (
        book
        >> has(CDS, "a", "b")
        >> subscribe(CDS)
        << response("a", "b")
        >> changes(CDS, "a=2", "c")
        >> loses(CDS, "b")
        >> has(CDS, "a", "b")
        >> ack()
        << nothing()
    )
