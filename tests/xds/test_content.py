"""P17 to P20: what a response holds, and what a client brings along from another stream."""

from __future__ import annotations

from miniistiod.xds.memo import Memo
from miniistiod.xds.message import DeltaRequest, SotwRequest
from miniistiod.xds.resource import resource
from miniistiod.xds.sotw import SotwSession
from miniistiod.xds.type_rules import CDS, ECDS, EDS, LDS, RDS
from miniistiod.xds.wire import delta_bytes, sotw_bytes
from tests.xds.playbook import Playbook, ack, changes, has, loses, made, nothing, response, says, subscribe

HUNDRED = tuple(f"c{n}" for n in range(100))


def version(type_url: str, text: str) -> str:
    return made(type_url, text).version


def beside(book: Playbook, session: type) -> Playbook:
    """Another stream of the same server: it has the same resources and shares the same work."""
    other = Playbook(session(book.session.memo))
    other.session.update(book.session.snapshot)
    return other


def test_p17_a_deletion_is_told_once_and_a_rebirth_too(delta):
    delta >> has(RDS, "a", "b") >> subscribe(RDS, "a", "b") << response("a", "b") >> ack()
    for _ in range(2):
        delta >> loses(RDS, "a") << response(removed=("a",)) << nothing() >> ack() << nothing()
        delta >> changes(RDS, "a") << response("a") << nothing() >> ack() << nothing()


def test_p17_an_extension_is_never_taken_from_a_listener_that_uses_it(delta):
    delta >> has(ECDS, "a") >> subscribe(ECDS, "a") << response("a") >> ack() >> loses(ECDS, "a") << nothing()
    assert delta.session.settled


def test_p18_sotw_clusters_are_whole(sotw):
    sotw >> has(CDS, *HUNDRED) >> subscribe(CDS) << response(*HUNDRED) >> ack()
    sotw >> changes(CDS, "c7=2") << response(*HUNDRED)


def test_p18_delta_clusters_are_what_changed(delta):
    delta >> has(CDS, *HUNDRED) >> subscribe(CDS) << response(*HUNDRED) >> ack()
    delta >> changes(CDS, "c7=2") << response("c7=2")


def test_p18_other_types_are_what_changed(book):
    book >> has(EDS, *HUNDRED) >> subscribe(EDS, *HUNDRED) << response(*HUNDRED) >> ack()
    book >> changes(EDS, "c7=2") << response("c7=2")


def test_p20_a_reconnected_client_is_told_what_changed_and_what_is_gone(delta):
    held = {"a": version(CDS, "a"), "b": version(CDS, "b"), "c": version(CDS, "c")}
    (
        delta
        >> has(CDS, "a", "c=2")
        >> says(DeltaRequest(CDS, held=held))
        << response("c=2", removed=("b",))
        << nothing()
    )
    delta >> ack() << nothing()
    assert delta.session.settled


def test_p20_a_reconnected_client_that_has_everything_hears_so(delta):
    held = {"a": version(CDS, "a")}
    (
        delta
        >> has(CDS, "a")
        >> says(DeltaRequest(CDS, subscribe=("*",), held=held))
        << response()
        << nothing()
        >> ack()
    )
    delta >> changes(CDS, "a=2") << response("a=2")


def test_p20_a_change_between_the_request_and_the_answer_is_not_lost(delta):
    held = {"a": version(LDS, "a"), "b": version(LDS, "b")}
    delta >> has(LDS, "a", "b") >> says(DeltaRequest(LDS, held=held)) >> changes(LDS, "a=2")
    delta << response("a=2") << nothing()


def test_p20_endpoints_and_routes_are_always_answered(delta):
    for type_url in (EDS, RDS):
        held = {"a": version(type_url, "a"), "old": "1"}
        (
            delta
            >> has(type_url, "a")
            >> says(DeltaRequest(type_url, subscribe=("a",), held=held))
            << response("a")
        )


def test_p20_what_is_gone_is_taken_last(delta):
    held = {"a": version(CDS, "a"), "b": version(CDS, "b")}
    delta >> has(CDS, "a") >> has(LDS, "l") >> says(DeltaRequest(CDS, held=held)) >> subscribe(LDS)
    delta << response(of=CDS) << response("l", of=LDS) << nothing()
    delta >> ack(LDS) >> ack(CDS) << response(removed=("b",), of=CDS) << nothing()


def test_versions_brought_along_count_only_in_the_first_request(delta):
    delta >> has(CDS, "a") >> subscribe(CDS) << response("a") >> ack()
    delta >> says(DeltaRequest(CDS, subscribe=("*",), held={"a": version(CDS, "a")})) << response("a")


def test_the_difference_of_two_parts_is_worked_out_once():
    memo = Memo()
    old, new = (
        {"a": resource("a", b"1"), "b": resource("b", b"1")},
        {"a": resource("a", b"2"), "c": resource("c", b"1")},
    )
    first = memo.difference(old, new)
    assert set(first) == {"a", "b", "c"}
    memo.forget()
    assert memo.difference(old, new) is first
    memo.forget()
    memo.forget()
    assert memo.difference(old, new) is not first


def test_streams_that_are_told_the_same_share_response_and_bytes(book):
    write = delta_bytes if book.delta else sotw_bytes
    book >> has(CDS, "a", "b") >> subscribe(CDS) << response("a", "b")
    others = [beside(book, type(book.session)) for _ in range(2)]
    for each in others:
        each >> subscribe(CDS) << response("a", "b")
        assert each.latest is book.latest
    assert write(book.latest) is write(book.latest)


def test_a_stream_is_never_given_a_nonce_again_however_many_share_it(book):
    again = DeltaRequest(RDS, subscribe=("a",)) if book.delta else SotwRequest(RDS, ("a",))
    book >> has(RDS, "a") >> says(again) << response("a")
    other = beside(book, type(book.session))
    nonces = {book.latest.nonce}
    for times in range(2, 5):  # the same is asked anew, while the other stream has not answered yet
        other >> says(again) << response("a")
        book >> says(again) << response("a")
        nonces.add(book.latest.nonce)
        assert len(nonces) == times


def test_the_two_protocols_share_no_response(delta):
    delta >> has(CDS, "a") >> subscribe(CDS) << response("a")
    sotw = beside(delta, SotwSession) >> subscribe(CDS) << response("a")
    assert delta.latest.nonce != sotw.latest.nonce


def test_a_resource_that_moves_to_another_part_is_unchanged(book):
    class Parts:
        def __init__(self, *parts):
            self.parts = parts

        def resources(self, type_url):
            return self.parts if type_url == CDS else ()

    a, b = resource("a", b"1"), resource("b", b"1")
    book.session.update(Parts({"a": a}, {"b": b}))
    book >> subscribe(CDS) << response("a", "b") >> ack()
    book.session.update(Parts({"b": b, "a": a}))
    book << nothing()
    book.session.update(Parts({}, {"b": b}, {"a": resource("a", b"2")}))
    assert [r.version for r in book.session.response().resources if r.name == "a"] == [
        resource("a", b"2").version
    ]
