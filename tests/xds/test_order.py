"""P21 to P23 and P27: what goes first, what waits, and what never waits."""

from __future__ import annotations

import random

import pytest

from miniistiod.xds.order import may_push
from miniistiod.xds.type_rules import CDS, EDS, LDS, ORDER, RDS, SDS
from tests.xds.playbook import (
    Playbook,
    ack,
    at_once,
    changes,
    has,
    loses,
    nack,
    nothing,
    patience_ends,
    response,
    subscribe,
    unsubscribe,
)


def connected(book: Playbook) -> Playbook:
    """A client that has cluster, endpoints, listener and routes, all acknowledged."""
    return (
        book
        >> at_once(has(CDS, "a"), has(EDS, "a"), has(LDS, "l"), has(RDS, "r=to a"))
        >> subscribe(CDS)
        << response("a", of=CDS)
        >> ack()
        >> subscribe(EDS, "a")
        << response("a", of=EDS)
        >> ack()
        >> subscribe(LDS)
        << response("l", of=LDS)
        >> ack()
        >> subscribe(RDS, "r")
        << response("r=to a", of=RDS)
        >> ack()
        << nothing()
    )


def test_p22_a_route_moves_only_when_its_new_cluster_is_warm_and_the_old_one_goes_last(book):
    moved = at_once(has(CDS, "b"), has(EDS, "b"), changes(RDS, "r=to b"))
    connected(book) >> moved
    book << (response("b", of=CDS) if book.delta else response("a", "b", of=CDS)) << nothing()
    book >> ack() << nothing()  # the route waits for the endpoints of b
    book >> subscribe(EDS, "b") << response("b", of=EDS) << nothing()
    book >> ack() << response("r=to b", of=RDS) << nothing()
    book >> ack() << (response(removed=("a",), of=CDS) if book.delta else response("b", of=CDS)) << nothing()
    book >> ack() >> unsubscribe(EDS, "a") << nothing()
    assert book.session.settled


def test_p22_endpoints_acknowledged_before_the_cluster_are_enough(book):
    connected(book) >> at_once(changes(CDS, "b"), changes(EDS, "b"), changes(RDS, "r=2"))
    book << (response("b") if book.delta else response("a", "b"))
    book >> subscribe(EDS, "b") << response("b", of=EDS) >> ack(EDS) << nothing()
    book >> ack(CDS) << response("r=2", of=RDS)


def test_p22_listeners_wait_for_new_clusters_too(book):
    connected(book) >> at_once(changes(CDS, "b"), changes(EDS, "b"), changes(LDS, "l=2"))
    book << (response("b") if book.delta else response("a", "b")) >> ack() << nothing()
    book >> subscribe(EDS, "b") << response("b") >> ack() << response("l=2", of=LDS)


def test_p22_an_answer_never_waits(book):
    connected(book) >> at_once(changes(CDS, "b"), changes(RDS, "r=2", "new"))
    book << (response("b") if book.delta else response("a", "b"))
    book >> subscribe(RDS, "new") << response("new", of=RDS) << nothing()


def test_p22_a_rejected_cluster_holds_nothing_up(book):
    connected(book) >> at_once(changes(CDS, "b"), changes(RDS, "r=2"))
    (
        book
        << (response("b") if book.delta else response("a", "b"))
        >> nack("b is bad")
        << response("r=2", of=RDS)
    )


def test_p22_a_new_cluster_that_goes_again_is_not_waited_for(book):
    connected(book) >> at_once(changes(CDS, "b"), changes(RDS, "r=2"))
    book << (response("b") if book.delta else response("a", "b")) >> ack()
    book >> loses(CDS, "b") << response("r=2", of=RDS)


def test_p22_a_client_that_never_asks_for_the_endpoints_is_not_stuck_for_ever(book):
    connected(book) >> at_once(changes(CDS, "b"), changes(RDS, "r=2"))
    book << (response("b") if book.delta else response("a", "b")) >> ack() << nothing()
    assert book.session.waiting_since == 0
    book >> patience_ends() << response("r=2", of=RDS)


def test_p22_a_client_that_never_acknowledges_is_not_stuck_for_ever(book):
    book >> has(CDS, "a") >> subscribe(CDS) << response("a") >> changes(CDS, "a=2") << nothing()
    book >> patience_ends() << response("a=2") >> changes(CDS, "a=3") << nothing()
    book >> patience_ends() << response("a=3")


def test_p22_it_is_known_since_when_a_push_waits_whatever_else_goes_on(book):
    connected(book) >> changes(CDS, "a=2") << response("a=2", of=CDS) << response("a", of=EDS) >> ack(EDS)
    book.now = 3.0
    book >> changes(CDS, "a=3") << nothing()
    for second in (4.0, 5.0):
        book.now = second
        gone = response(removed=(f"r{second}",)) if book.delta else nothing()
        book >> subscribe(RDS, f"r{second}") << gone << nothing()
    assert book.session.waiting_since == 3.0
    book >> ack(CDS) << response("a=3", of=CDS)
    assert book.session.waiting_since is None


def test_p22_a_late_answer_after_patience_ended_still_counts(book):
    book >> has(CDS, "a") >> subscribe(CDS) << response("a") >> patience_ends() >> nack("late")
    assert book.session.states[CDS].status == "NACKED"


def test_p22_clusters_go_at_once_when_nothing_else_changes(book):
    connected(book) >> loses(CDS, "a")
    book << (response(removed=("a",), of=CDS) if book.delta else response(of=CDS))


def test_p22_a_stream_of_clusters_alone_waits_for_nobody(book):
    (
        book
        >> has(CDS, "a", "b")
        >> subscribe(CDS)
        << response("a", "b")
        >> ack()
        >> at_once(loses(CDS, "a"), changes(CDS, "c"))
    )
    book << (response("c", removed=("a",)) if book.delta else response("b", "c"))


def test_endpoints_of_a_doomed_cluster_are_kept_as_long_as_the_cluster(delta):
    connected(delta) >> at_once(loses(CDS, "a"), loses(EDS, "a"), changes(RDS, "r=nowhere"))
    delta << response("r=nowhere", of=RDS) << nothing()
    delta >> ack() << response(removed=("a",), of=CDS) << nothing()
    delta >> ack() << response(removed=("a",), of=EDS) << nothing()


def test_p21_pushes_go_in_order(book):
    connected(book) >> subscribe(SDS, "s") << (response(removed=("s",)) if book.delta else nothing())
    if book.delta:
        book >> ack()
    book >> at_once(
        *(changes(t, f"{n}=2") for t, n in ((SDS, "s"), (RDS, "r"), (LDS, "l"), (EDS, "a"), (CDS, "a")))
    )
    sent = []
    for type_url in (CDS, EDS, LDS, RDS, SDS):
        while (got := book.session.response()) is not None:
            book.last[got.type_url] = book.latest = got
            sent.append(got.type_url)
            book >> ack()
        assert type_url in sent
    assert sent == sorted(sent, key=ORDER.__getitem__)


def test_p21_a_thousand_random_changes_go_in_order(book):
    """Between a change and the next, whatever goes out goes in the order of the table."""
    dice = random.Random(1)
    connected(book)
    names = {CDS: "a", EDS: "a", LDS: "l", RDS: "r"}
    for content in range(1000):
        changed = dice.sample(sorted(names), dice.randint(1, 4))
        book >> at_once(*(changes(t, f"{names[t]}={content}") for t in changed))
        sent = []
        while (got := book.session.response()) is not None:
            book.last[got.type_url] = book.latest = got
            sent.append(got.type_url)
            book >> ack()
        expected = set(changed) | ({EDS} if CDS in changed else set())
        assert sent == sorted(expected, key=ORDER.__getitem__)


def test_p23_endpoints_follow_a_changed_cluster_though_they_are_unchanged(book):
    connected(book) >> changes(CDS, "a=2") << response("a=2", of=CDS) << response("a", of=EDS) << nothing()


def test_p23_endpoints_follow_a_cluster_that_was_gone(book):
    connected(book) >> loses(CDS, "a") << (response(removed=("a",)) if book.delta else response()) >> ack()
    book >> changes(CDS, "a") << response("a", of=CDS) << response("a", of=EDS) << nothing()


def test_p23_missing_endpoints_follow_empty(book):
    connected(book) >> loses(EDS, "a")
    if book.delta:
        book << response(removed=("a",), of=EDS) >> ack()
    book >> changes(CDS, "a=2") << response("a=2", of=CDS) << response("a", of=EDS)
    assert book.latest.resources[0].body == b"\n\x01a"


def test_p23_endpoints_of_unchanged_clusters_stay_where_they_are(sotw):
    sotw >> at_once(has(CDS, "a", "b"), has(EDS, "a", "b")) >> subscribe(CDS) << response("a", "b") >> ack()
    sotw >> subscribe(EDS, "a", "b") << response("a", "b") >> ack()
    sotw >> changes(CDS, "b=2") << response("a", "b=2", of=CDS) << response("b", of=EDS) << nothing()


@pytest.mark.parametrize("type_url", [CDS, EDS, LDS, RDS])
def test_p27_what_happens_before_the_ack_is_merged(book, type_url):
    book >> has(type_url, "a=0") >> subscribe(type_url, "*") << response("a=0")
    for content in range(1, 501):
        book >> changes(type_url, f"a={content}") << nothing()
    book >> ack() << response("a=500") << nothing() >> ack() << nothing()


def test_an_endpoint_change_waits_for_the_cluster_before_it(book):
    connected(book) >> changes(CDS, "a=2") << response("a=2", of=CDS) << response("a", of=EDS) >> ack(EDS)
    book >> at_once(changes(CDS, "a=3"), changes(EDS, "a=3")) << nothing()
    book >> ack(CDS) << response("a=3", of=CDS) << response("a=3", of=EDS)


def test_nothing_waits_for_types_that_the_client_never_asked_for(book):
    book >> at_once(has(CDS, "a"), has(RDS, "r")) >> subscribe(RDS, "r") << response("r") >> ack()
    book >> at_once(changes(CDS, "b"), changes(RDS, "r=2")) << response("r=2")
    assert may_push(book.session.states[RDS], {}, set()) is False  # its own response is on its way
