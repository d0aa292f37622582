"""Whatever happens in any order: no name or nonce twice, nothing unasked, and in the end all is there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniistiod.xds.delta import DeltaSession
from miniistiod.xds.memo import Memo
from miniistiod.xds.message import DeltaRequest, SotwRequest
from miniistiod.xds.resource import resource
from miniistiod.xds.sotw import SotwSession
from miniistiod.xds.static import StaticSnapshot, StaticSource
from miniistiod.xds.type_rules import CDS, EDS, LDS, RDS, rules_of

TYPES = (CDS, EDS, LDS, RDS)
NAMES = ("a", "b", "c")

types = st.sampled_from(TYPES)
names = st.sampled_from(NAMES)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), types, names, st.integers(0, 3)),
        st.tuples(st.just("drop"), types, names),
        st.tuples(st.just("read")),
        st.tuples(st.just("ack")),
        st.tuples(st.just("nack")),
        st.tuples(st.just("follow")),
        st.tuples(st.just("want"), st.sampled_from((EDS, RDS)), names),
        st.tuples(st.just("leave"), st.sampled_from((EDS, RDS)), names),
        st.tuples(st.just("patience")),
    ),
    max_size=60,
)


class Client:
    """A client that keeps what it is told, as the specification says it must."""

    def __init__(self, session) -> None:
        self.session = session
        self.delta = isinstance(session, DeltaSession)
        self.source = StaticSource()
        self.world = {t: {} for t in TYPES}
        self.held = {t: {} for t in TYPES}
        self.wants = {t: set() for t in TYPES}
        self.nonce = dict.fromkeys(TYPES, "")
        self.unanswered = []
        self.nonces = set()
        self.rejected = {}
        for type_url in (CDS, LDS):
            self.say(type_url)

    def say(self, type_url, *, nonce="", error=None, subscribe=(), unsubscribe=()) -> None:
        if self.delta:
            self.session.receive(
                DeltaRequest(type_url, tuple(subscribe), tuple(unsubscribe), nonce=nonce, error=error)
            )
        else:
            wanted = tuple(sorted(self.wants[type_url]))
            self.session.receive(
                SotwRequest(type_url, wanted, nonce=nonce or self.nonce[type_url], error=error)
            )

    def exist(self, type_url, change) -> None:
        change(self.world[type_url])
        self.source.put(type_url, self.world[type_url].values())
        self.session.update(self.source.snapshot(None))

    def put(self, type_url, name, content) -> None:
        needs = (name,) if type_url == CDS else ()
        one = resource(name, f"{type_url}{name}{content}".encode(), needs)
        self.exist(type_url, lambda there: there.__setitem__(name, one))

    def drop(self, type_url, name) -> None:
        self.exist(type_url, lambda there: there.pop(name, None))

    def read(self) -> bool:
        got = self.session.response()
        if got is None:
            return False
        self.check(got)
        told = {r.name: r.version for r in got.resources}
        if rules_of(got.type_url).full_state and not self.delta:
            self.held[got.type_url] = told
        else:
            self.held[got.type_url].update(told)
        for name in got.removed:
            self.held[got.type_url].pop(name, None)
        self.nonce[got.type_url] = got.nonce
        self.unanswered.append(got)
        return True

    def check(self, got) -> None:
        given_names = [r.name for r in got.resources]
        assert len(set(given_names)) == len(given_names)
        assert not set(given_names) & set(got.removed)
        assert got.nonce not in self.nonces
        self.nonces.add(got.nonce)
        if got.type_url in (EDS, RDS):
            assert set(given_names) <= self.wants[got.type_url]
        content = (tuple(sorted((r.name, r.version) for r in got.resources)), got.removed)
        if got.type_url == CDS:
            assert content != self.rejected.get(CDS), "the same content after a NACK"
        self.rejected.pop(got.type_url, None)

    def ack(self) -> None:
        if self.unanswered:
            got = self.unanswered.pop(0)
            self.say(got.type_url, nonce=got.nonce)

    def nack(self) -> None:
        if self.unanswered:
            got = self.unanswered.pop(0)
            self.rejected[got.type_url] = (
                tuple(sorted((r.name, r.version) for r in got.resources)),
                got.removed,
            )
            self.say(got.type_url, nonce=got.nonce, error="no")

    def follow(self) -> None:
        """Ask for the endpoints of the clusters that are held, and for no others, as Envoy does."""
        new, old = set(self.held[CDS]) - self.wants[EDS], self.wants[EDS] - set(self.held[CDS])
        if new or old:
            self.wants[EDS] = set(self.held[CDS])
            self.say(EDS, subscribe=sorted(new), unsubscribe=sorted(old))

    def want(self, type_url, name) -> None:
        self.wants[type_url].add(name)
        self.say(type_url, subscribe=(name,))

    def leave(self, type_url, name) -> None:
        if name in self.wants[type_url]:
            self.wants[type_url].discard(name)
            self.held[type_url].pop(name, None)
            self.say(type_url, unsubscribe=(name,))

    def patience(self) -> None:
        self.session.release()

    def settle(self) -> None:
        """Behave well from here on."""
        for _ in range(100):
            quiet = not self.read() and not self.unanswered and self.wants[EDS] == set(self.held[CDS])
            while self.unanswered:
                self.ack()
            self.follow()
            if quiet:
                if self.session.waiting_since is None:
                    return
                self.patience()
        raise AssertionError("it never comes to rest")


@pytest.mark.parametrize("session", [SotwSession, DeltaSession])
@settings(max_examples=300, deadline=None)
@given(steps)
def test_in_the_end_the_client_has_what_exists(session, script):
    client = Client(session(Memo("s-")))
    for step, *more in script:
        getattr(client, step)(*more)
    client.settle()
    for type_url in TYPES:
        wildcard = type_url in (CDS, LDS)
        there = {
            n: r.version for n, r in client.world[type_url].items() if wildcard or n in client.wants[type_url]
        }
        held = client.held[type_url]
        assert {n: held.get(n) for n in there} == there
        if wildcard:
            assert set(held) == set(there)
    assert client.session.settled
    assert client.read() is False


@pytest.mark.parametrize("session", [SotwSession, DeltaSession])
@settings(max_examples=100, deadline=None)
@given(steps)
def test_the_same_resources_again_are_never_sent(session, script):
    client = Client(session(Memo("s-")))
    for step, *more in script:
        getattr(client, step)(*more)
    client.settle()
    client.session.update(StaticSnapshot({t: dict(part) for t, part in client.world.items()}))
    assert client.read() is False
