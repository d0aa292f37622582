"""Why each resource of a response is told, and which documents did it; no socket, no clock."""

from __future__ import annotations

import pytest

from miniistiod.xds.delta import DeltaSession
from miniistiod.xds.message import DeltaRequest, Response, SotwRequest
from miniistiod.xds.resource import Resource, resource
from miniistiod.xds.session import Session
from miniistiod.xds.sotw import SotwSession
from miniistiod.xds.static import StaticSource
from miniistiod.xds.transcript import Item, Said, before, heard, owed, said
from miniistiod.xds.type_rules import CDS, EDS, LDS


class Document:
    """Something that resources are made from."""


SERVICE, OLD_RULE, NEW_RULE = Document(), Document(), Document()


def made(name: str, content: str, *documents: Document, needs: tuple[str, ...] = ()) -> Resource:
    return resource(name, content.encode(), needs, documents)


def next_of(session: Session) -> Said:
    """The next response of a session, as a watcher is told of it."""
    was = owed(session)
    response = session.response()
    assert isinstance(response, Response)
    return said(response, was)


def subscribed(source: StaticSource, session: Session, url: str, *names: str) -> Said:
    """A first request and its answer, acknowledged."""
    session.update(source.snapshot(None))
    kind = DeltaRequest if isinstance(session, DeltaSession) else SotwRequest
    session.receive(kind(url, names))
    answer = next_of(session)
    session.receive(kind(url, () if kind is DeltaRequest else names, nonce=answer.nonce))
    return answer


def pushed(source: StaticSource, session: Session) -> Said:
    session.update(source.snapshot(None))
    return next_of(session)


def test_a_change_names_the_documents_that_are_new_and_those_that_are_lost() -> None:
    source, session = StaticSource(), DeltaSession()
    source.put(LDS, [made("l", "1", SERVICE, OLD_RULE), made("m", "1", SERVICE)])
    assert [(i.name, i.why) for i in subscribed(source, session, LDS).items] == [
        ("l", "asked for"),
        ("m", "asked for"),
    ]
    source.put(LDS, [made("l", "2", SERVICE, NEW_RULE), made("m", "1", SERVICE)])
    (item,) = pushed(source, session).items
    assert (item.name, item.why, item.because, item.lost) == ("l", "changed", (NEW_RULE,), (OLD_RULE,))


def test_what_is_new_or_gone_names_the_document_that_made_the_difference() -> None:
    source, session = StaticSource(), DeltaSession()
    source.put(CDS, [made("a", "1", SERVICE)])
    subscribed(source, session, CDS)
    source.put(CDS, [made("a", "1", SERVICE), made("a-v1", "1", SERVICE, NEW_RULE)])
    answer = pushed(source, session)
    assert [(i.name, i.why, i.because) for i in answer.items] == [("a-v1", "new", (NEW_RULE,))]
    session.receive(DeltaRequest(CDS, nonce=answer.nonce))
    source.put(CDS, [made("a", "1", SERVICE)])
    assert pushed(source, session).items == (Item("a-v1", "gone", lost=(NEW_RULE,)),)


def test_endpoints_follow_their_cluster_and_a_name_without_resource_is_told() -> None:
    source, session = StaticSource(), DeltaSession()
    source.put(CDS, [made("a", "1", needs=("a",))])
    source.put(EDS, [made("a", "1")])
    subscribed(source, session, CDS)
    assert [i.why for i in subscribed(source, session, EDS, "a").items] == ["its cluster was sent"]
    source.put(CDS, [made("a", "2", needs=("a",))])
    assert [i.why for i in pushed(source, session).items] == ["changed"]
    assert next_of(session).type_url == EDS
    session.receive(DeltaRequest(LDS, ("nothing",)))
    assert next_of(session).items == (Item("nothing", "not there"),)


def test_in_state_of_the_world_the_rest_of_the_state_comes_along() -> None:
    source, session = StaticSource(), SotwSession()
    source.put(LDS, [made("l", "1"), made("m", "1")])
    subscribed(source, session, LDS)
    source.put(LDS, [made("l", "2"), made("m", "1")])
    assert [(i.name, i.why) for i in pushed(source, session).items] == [
        ("l", "changed"),
        ("m", "whole state"),
    ]


@pytest.mark.parametrize(
    ("nonce", "error", "verdict"),
    [("", None, ""), ("latest", None, "ACK"), ("latest", "no", "NACK"), ("of long ago", None, "STALE")],
)
def test_what_a_request_answers(nonce: str, error: str | None, verdict: str) -> None:
    source, session = StaticSource(), DeltaSession()
    source.put(CDS, [made("a", "1")])
    session.update(source.snapshot(None))
    session.receive(DeltaRequest(CDS))
    answer = next_of(session)
    request = DeltaRequest(CDS, nonce=answer.nonce if nonce == "latest" else nonce, error=error)
    was = before(session, CDS)
    session.receive(request)
    told = heard(request, was, session)
    assert (told.verdict, told.error, told.subscribed) == (verdict, error or "", ())
