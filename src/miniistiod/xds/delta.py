"""Incremental xDS: only what changed is sent, by name; what is gone is told in removed_resources."""

from __future__ import annotations

from miniistiod.xds.message import DeltaRequest, Response
from miniistiod.xds.resource import Resource
from miniistiod.xds.session import News, Session, instead
from miniistiod.xds.state import TypeState


class DeltaSession(Session):
    """One DeltaAggregatedResources stream, or one of a single type."""

    def receive(self, request: DeltaRequest, now: float = 0.0) -> None:
        """Take a request: an answer to a response, a change of the subscription, or both in one message.

        "the server must honor changes to the subscription state even if the nonce is stale."
        """
        state, first = self._state(request.type_url)
        self._landed(state, request.nonce, request.error, now)
        held = {n: Resource(n, version, b"") for n, version in request.held.items()} if first else {}
        self._subscribe(state, request, held)
        if request.unsubscribe:
            told = state.subscription.unsubscribe(request.unsubscribe)
            self._dropped(state)
            state.ask(told)

    def _subscribe(self, state: TypeState, request: DeltaRequest, held: dict[str, Resource]) -> None:
        """Names are always answered: "the client may have 'forgotten' those resources"."""
        wants = state.subscription
        if request.subscribe:
            before = bool(wants.names)
            everything = wants.subscribe(request.subscribe)
            if not before:
                wants.names = self.memo.shared(wants.names)
            state.ask(n for n in request.subscribe if n != "*")
        else:
            everything = not request.unsubscribe and wants.nothing_named()
        if everything and held:
            state.ask_other_than(held)
        elif everything:
            state.ask_all()

    def _made(self, state: TypeState, push: bool, remove: bool, now: float) -> Response | None:
        """Answers, and pushes where they may go.

        "When a resource subscribed to by a client does not exist, the server will send a
        DeltaDiscoveryResponse message that contains that resource's name in the removed_resources field."
        """
        found, absent = state.sought()
        for name in absent:
            if (there := instead(state, name)) is not None:
                found.append(there)
        removed = [] if state.rules.missing else absent
        pushed, added = list[str](), list[Resource]()
        for name, held in state.changed.items() if push else ():
            if name not in state.asked and (there := state.current(name)) is not None:
                found.append(there)
                pushed.append(name)
                if held is None:
                    added.append(there)
        if remove:
            removed += [n for n in state.doomed if n not in state.asked] if state.rules.removal else []
            state.doomed.clear()
        if not found and not removed and not state.due:
            return None
        state.taken(pushed)
        return self._sent(state, News(tuple(found), tuple(removed), fresh=found, added=added), now)
