"""P1, P9 to P16, P24, P30: what a client may ask for and what it is told."""

from __future__ import annotations

import pytest

from miniistiod.xds.message import DeltaRequest, SotwRequest
from miniistiod.xds.type_rules import CDS, ECDS, EDS, LDS, RDS, SDS
from tests.xds.playbook import (
    ack,
    changes,
    has,
    loses,
    nothing,
    response,
    says,
    subscribe,
    unsubscribe,
)

UNKNOWN = "type.googleapis.com/example.Unknown"


def test_p1_the_first_request_is_answered_with_all_that_exists(book):
    book >> has(CDS, "a", "b") >> subscribe(CDS) << response("a", "b", of=CDS) << nothing()


def test_p1_an_empty_mesh_is_answered_too(book):
    book >> subscribe(CDS) << response(of=CDS) << nothing()


def test_p1_a_version_and_nonce_of_another_stream_change_nothing(sotw):
    sotw >> has(CDS, "a") >> says(SotwRequest(CDS, nonce="old-7")) << response("a") << nothing()


@pytest.mark.parametrize("type_url", [EDS, RDS, SDS, ECDS])
def test_p9_no_name_is_no_subscription(book, type_url):
    book >> has(type_url, "a") >> subscribe(type_url) << nothing()


@pytest.mark.parametrize("type_url", [EDS, RDS, SDS])
def test_p9_a_name_given_up_and_taken_again_is_answered_though_unchanged(book, type_url):
    (
        book
        >> has(type_url, "a")
        >> subscribe(type_url, "a")
        << response("a")
        >> ack()
        >> unsubscribe(type_url, "a")
        << nothing()
        >> changes(type_url, "a=2")
        << nothing()
        >> subscribe(type_url, "a")
        << response("a=2")
        << nothing()
    )


@pytest.mark.parametrize("type_url", [CDS, LDS])
def test_p10_p11_the_four_steps_of_the_specification_sotw(sotw, type_url):
    (
        sotw
        >> has(type_url, "A", "B")
        >> says(SotwRequest(type_url))
        << response("A", "B")
        >> says(SotwRequest(type_url), latest=True)
        << nothing()
        >> says(SotwRequest(type_url, ("*", "A")), latest=True)
        << response("A", "B")
        >> says(SotwRequest(type_url, ("A",)), latest=True)
        >> changes(type_url, "B=2")
        << nothing()
        >> changes(type_url, "A=2")
        << response("A=2")
        >> says(SotwRequest(type_url), latest=True)
        >> changes(type_url, "A=3", "B=3")
        << nothing()
    )


@pytest.mark.parametrize("type_url", [CDS, LDS])
def test_p10_p11_the_four_steps_of_the_specification_delta(delta, type_url):
    (
        delta
        >> has(type_url, "A", "B")
        >> says(DeltaRequest(type_url))
        << response("A", "B")
        >> ack()
        >> says(DeltaRequest(type_url, subscribe=("A",)))
        << response("A")
        >> ack()
        >> changes(type_url, "B=2")
        << response("B=2")
        >> ack()
        >> says(DeltaRequest(type_url, unsubscribe=("*",)))
        << nothing()
        >> changes(type_url, "B=3")
        << nothing()
        >> changes(type_url, "A=3")
        << response("A=3")
        >> ack()
        >> says(DeltaRequest(type_url, unsubscribe=("A",)))
        >> changes(type_url, "A=4", "B=4")
        << nothing()
        >> says(DeltaRequest(type_url))
        << nothing()
    )


def test_p12_everything_asked_for_by_name_and_given_up(delta):
    (
        delta
        >> has(CDS, "A", "B")
        >> says(DeltaRequest(CDS, subscribe=("*", "A")))
        << response("A", "B")
        >> ack()
        >> says(DeltaRequest(CDS, unsubscribe=("*",)))
        >> changes(CDS, "B=2")
        << nothing()
        >> changes(CDS, "A=2")
        << response("A=2")
    )


def test_p12_subscribed_and_unsubscribed_in_one_message_is_nothing(delta):
    delta >> has(CDS, "A") >> says(DeltaRequest(CDS, subscribe=("*",), unsubscribe=("*",))) << nothing()


def test_p12_only_clusters_and_listeners_know_the_unsaid_wildcard_but_all_know_the_said_one(book):
    book >> has(RDS, "a", "b") >> subscribe(RDS, "*") << response("a", "b") << nothing()


def test_p13_a_name_given_up_under_a_wildcard_is_told_as_there_or_as_gone(delta):
    (
        delta
        >> has(CDS, "A", "B")
        >> says(DeltaRequest(CDS, subscribe=("*", "A", "ghost")))
        << response("A", "B", removed=("ghost",))
        >> ack()
        >> says(DeltaRequest(CDS, unsubscribe=("A",)))
        << response("A")
        >> says(DeltaRequest(CDS, unsubscribe=("ghost",)))
        << response(removed=("ghost",))
        << nothing()
    )


@pytest.mark.parametrize("type_url", [CDS, EDS, LDS, RDS, SDS, ECDS])
def test_p14_a_name_asked_for_again_is_sent_again(delta, type_url):
    (
        delta
        >> has(type_url, "a")
        >> subscribe(type_url, "a")
        << response("a")
        >> ack()
        >> subscribe(type_url, "a")
        << response("a")
        << nothing()
    )


def test_p15_an_unknown_name_given_up_is_ignored(delta):
    (
        delta
        >> has(CDS, "a")
        >> subscribe(CDS)
        << response("a")
        >> ack()
        >> unsubscribe(CDS, "ghost")
        << nothing()
    )


@pytest.mark.parametrize("type_url", [RDS, SDS, LDS, CDS])
def test_p16_a_missing_name_is_told_in_delta_and_remembered(delta, type_url):
    (
        delta
        >> subscribe(type_url, "ghost")
        << response(removed=("ghost",))
        << nothing()
        >> ack()
        >> changes(type_url, "ghost")
        << response("ghost")
        << nothing()
    )


@pytest.mark.parametrize("type_url", [RDS, SDS, LDS, CDS])
def test_p16_a_missing_name_is_not_told_in_sotw_but_remembered(sotw, type_url):
    (
        sotw
        >> subscribe(type_url, "ghost")
        << nothing()
        >> changes(type_url, "ghost")
        << response("ghost")
        << nothing()
    )


def test_p16_missing_endpoints_are_answered_empty_so_that_the_cluster_gets_warm(book):
    book >> subscribe(EDS, "ghost") << response("ghost", of=EDS) << nothing()
    sent = book.latest.resources[0]
    assert sent.body == b"\n\x05ghost"  # ClusterLoadAssignment{cluster_name: "ghost"}
    book >> ack() >> changes(EDS, "ghost=1") << response("ghost=1") << nothing()


def test_p24_a_new_listener_gets_its_routes_though_they_are_unchanged(book):
    (
        book
        >> has(LDS, "l1")
        >> has(RDS, "r")
        >> subscribe(LDS)
        << response("l1")
        >> ack()
        >> subscribe(RDS, "r")
        << response("r")
        >> ack()
        >> has(LDS, "l2")
        << (response("l2", removed=("l1",)) if book.delta else response("l2"))
        >> ack()
        >> unsubscribe(RDS, "r")
        >> subscribe(RDS, "r")
        << response("r")
    )


def test_p30_a_type_that_nobody_knows_is_answered_once_and_empty(book):
    book >> subscribe(UNKNOWN) << response() << nothing() >> has(CDS, "a") >> subscribe(CDS) << response("a")


def test_p30_names_of_a_type_that_nobody_knows(book):
    gone = ("x",) if book.delta else ()
    book >> subscribe(UNKNOWN, "x") << response(removed=gone) << nothing()


def test_a_client_that_asks_anew_without_a_nonce_is_answered_anew(sotw):
    (
        sotw
        >> has(RDS, "a", "b")
        >> says(SotwRequest(RDS, ("a",)))
        << response("a")
        >> says(SotwRequest(RDS, ("a", "b")))
        << response("a", "b")
    )


def test_names_are_answered_while_a_push_of_the_type_is_on_its_way(book):
    (
        book
        >> has(RDS, "a", "b")
        >> subscribe(RDS, "a")
        << response("a")
        >> subscribe(RDS, "b")
        << response("b")
        << nothing()
    )


def test_a_deleted_name_is_no_longer_answered(book):
    (
        book
        >> has(EDS, "a", "b")
        >> subscribe(EDS, "a", "b")
        << response("a", "b")
        >> ack()
        >> unsubscribe(EDS, "b")
        >> loses(EDS, "b")
        << nothing()
    )
