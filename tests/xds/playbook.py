"""Transcripts of a session, without a socket.

`Playbook(DeltaSession()) >> subscribe(CDS) << response("a", "b") >> nack("a is bad") << nothing()` reads: the
client says, the server answers. Every step is checked when it is reached; a failure shows the transcript.
A resource is written `name` or `name=content`; a cluster needs the endpoints of its own name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from miniistiod.xds.delta import DeltaSession
from miniistiod.xds.message import DeltaRequest, Response, SotwRequest
from miniistiod.xds.resource import Resource, resource
from miniistiod.xds.static import StaticSource
from miniistiod.xds.type_rules import CDS, rules_of

Event = Callable[["Playbook"], None]


class Playbook:
    """A session, the resources that exist, and what was said so far. `now` is the clock."""

    def __init__(self, session):
        self.session = session
        self.source = StaticSource()
        self.world: dict[str, dict[str, Resource]] = {}
        self.names: dict[str, list[str]] = {}
        self.last: dict[str, Response] = {}
        self.latest: Response | None = None
        self.said: list[str] = []
        self.now = 0.0

    @property
    def delta(self) -> bool:
        return isinstance(self.session, DeltaSession)

    def __rshift__(self, event: Event) -> Playbook:
        self.said.append(f">> {event.__doc__}")
        event(self)
        return self

    def __lshift__(self, expected: Expected) -> Playbook:
        got = self.session.response(self.now)
        self.said.append(f"<< {shown(got)}")
        transcript = "\n".join(self.said) + f"\nexpected {expected}"
        assert expected.fits(got), transcript
        if got is not None:
            self.last[got.type_url] = self.latest = got
        return self

    def put(self, type_url: str, resources: dict[str, Resource]) -> None:
        self.world[type_url] = resources
        self.source.put(type_url, resources.values())
        self.session.update(self.source.snapshot(None))


def shown(got: Response | None) -> str:
    if got is None:
        return "nothing"
    names = " ".join(r.name for r in got.resources)
    return f"{rules_of(got.type_url).name} {got.nonce}: {names or '-'}" + "".join(
        f" -{n}" for n in got.removed
    )


def made(type_url: str, text: str) -> Resource:
    name, _, content = text.partition("=")
    return resource(name, f"{name}={content}".encode(), needs=(name,) if type_url == CDS else ())


def event(text: str, act: Callable[[Playbook], None]) -> Event:
    act.__doc__ = text
    return act


@dataclass(frozen=True)
class Expected:
    """A response with just these resources (in any order, none twice), or none at all."""

    names: tuple[str, ...] | None
    removed: tuple[str, ...] = ()
    type_url: str | None = None

    def fits(self, got: Response | None) -> bool:
        if got is None or self.names is None:
            return got is None and self.names is None
        bodies = sorted(r.body.decode(errors="replace").removesuffix("=") for r in got.resources)
        names = sorted(r.name for r in got.resources)
        told = sorted(self.names) in (bodies, names)
        return told and sorted(got.removed) == sorted(self.removed) and self.type_url in (None, got.type_url)


def response(*names: str, removed: tuple[str, ...] = (), of: str | None = None) -> Expected:
    return Expected(names, removed, of)


def nothing() -> Expected:
    return Expected(None)


# The world


def has(type_url: str, *texts: str) -> Event:
    """From now on these are all the resources of the type."""
    return event(
        f"there are {texts} of {rules_of(type_url).name}",
        lambda p: p.put(type_url, {r.name: r for r in (made(type_url, t) for t in texts)}),
    )


def changes(type_url: str, *texts: str) -> Event:
    """These resources are new or have new content."""
    return event(
        f"{texts} of {rules_of(type_url).name} change",
        lambda p: p.put(
            type_url, {**p.world.get(type_url, {}), **{r.name: r for r in (made(type_url, t) for t in texts)}}
        ),
    )


def loses(type_url: str, *names: str) -> Event:
    """These resources are gone."""
    return event(
        f"{names} of {rules_of(type_url).name} are gone",
        lambda p: p.put(type_url, {n: r for n, r in p.world[type_url].items() if n not in names}),
    )


def at_once(*events: Event) -> Event:
    """Several changes of the world seen as one."""

    def act(p: Playbook) -> None:
        update, p.session.update = p.session.update, lambda snapshot: None
        for one in events:
            one(p)
        p.session.update = update
        p.session.update(p.source.snapshot(None))

    return event("at once: " + "; ".join(str(e.__doc__) for e in events), act)


def patience_ends() -> Event:
    """The shell no longer waits for the client."""
    return event("the server waits no longer", lambda p: p.session.release())


# The client, in words that both protocols know


def subscribe(type_url: str, *names: str) -> Event:
    def act(p: Playbook) -> None:
        p.names.setdefault(type_url, []).extend(names)
        if p.delta:
            p.session.receive(DeltaRequest(type_url, subscribe=names), p.now)
        else:
            p.session.receive(SotwRequest(type_url, tuple(p.names[type_url]), nonce_of(p, type_url)), p.now)

    return event(f"subscribe {rules_of(type_url).name} {names}", act)


def unsubscribe(type_url: str, *names: str) -> Event:
    def act(p: Playbook) -> None:
        p.names[type_url] = [n for n in p.names.get(type_url, []) if n not in names]
        if p.delta:
            p.session.receive(DeltaRequest(type_url, unsubscribe=names), p.now)
        else:
            p.session.receive(SotwRequest(type_url, tuple(p.names[type_url]), nonce_of(p, type_url)), p.now)

    return event(f"unsubscribe {rules_of(type_url).name} {names}", act)


def nonce_of(p: Playbook, type_url: str) -> str:
    return p.last[type_url].nonce if type_url in p.last else ""


def answer(p: Playbook, type_url: str | None, error: str | None, **more: tuple[str, ...]) -> None:
    got = p.last[type_url] if type_url else p.latest
    assert got is not None
    if p.delta:
        p.session.receive(DeltaRequest(got.type_url, nonce=got.nonce, error=error, **more), p.now)
    else:
        names = tuple(p.names.get(got.type_url, ()))
        p.session.receive(SotwRequest(got.type_url, names, nonce=got.nonce, error=error), p.now)


def ack(type_url: str | None = None) -> Event:
    """Accept the latest response (of a type)."""
    return event(f"ack {type_url or ''}", lambda p: answer(p, type_url, None))


def nack(reason: str, type_url: str | None = None) -> Event:
    """Reject the latest response (of a type)."""
    return event(f"nack {reason!r}", lambda p: answer(p, type_url, reason))


def says(request: SotwRequest | DeltaRequest, latest: bool = False) -> Event:
    """Any request, word for word; `latest` puts the nonce of the latest response of its type into it."""

    def act(p: Playbook) -> None:
        if isinstance(request, SotwRequest):
            p.names[request.type_url] = list(request.names)
        p.session.receive(replace(request, nonce=nonce_of(p, request.type_url)) if latest else request, p.now)

    return event(str(request), act)
