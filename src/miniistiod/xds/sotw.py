"""State-of-the-World xDS: clusters and listeners always go whole, other types as far as they changed."""

from __future__ import annotations

from miniistiod.xds.message import Response, SotwRequest
from miniistiod.xds.resource import Resource
from miniistiod.xds.session import News, Session, instead
from miniistiod.xds.state import TypeState


class SotwSession(Session):
    """One StreamAggregatedResources stream, or one of a single type."""

    def receive(self, request: SotwRequest, now: float = 0.0) -> None:
        """Take a request: an answer to the latest response, a new list of names, or both.

        "The management server should not send a DiscoveryResponse for any DiscoveryRequest that has a stale
        nonce." A nonce that comes before any response is from another stream and means nothing.
        """
        state, _ = self._state(request.type_url)
        latest = state.book.sent_nonce
        self._landed(state, request.nonce, request.error, now)
        if latest and request.nonce and request.nonce != latest:
            return
        new, everything = state.subscription.replace(request.names)
        state.subscription.names = self.memo.shared(state.subscription.names)
        self._dropped(state)
        again = bool(latest) and not request.nonce
        self._ask(state, new | state.subscription.names if again else new, everything or again)

    @staticmethod
    def _ask(state: TypeState, names: set[str], everything: bool) -> None:
        """Note what must be answered.

        "the server must resend any newly requested resources, even if it previously sent those resources".
        """
        state.ask(sorted(names))
        if everything and state.subscription.wildcard:
            state.ask_all()
        if names and not state.rules.offered:
            state.due = True

    def _made(self, state: TypeState, push: bool, remove: bool, now: float) -> Response | None:
        """A response of the kind that the type asks for."""
        if state.rules.full_state:
            return self._whole(state, push, remove, now)
        return self._part(state, push, now)

    def _whole(self, state: TypeState, push: bool, remove: bool, now: float) -> Response | None:
        """Everything, "even if they did not change since the last response".

        What is gone stays in it while something may still refer to it, since "if a previously seen resource
        is not present in a new response ... the client must delete it".
        """
        news = state.asked or state.due or (push and state.changed) or (remove and state.doomed)
        if not news:
            return None
        kept = {} if remove else {n: r for n, r in state.doomed.items() if r.body}
        resources = (*state.wanted(), *kept.values())
        if not resources and not state.subscription.wildcard and not state.book.sent_nonce:
            state.asked.clear()  # nothing that was asked for exists; there is no way to say so
            return None
        fresh = [r for r in resources if r.name in state.asked or r.name in state.changed]
        added = [r for r in fresh if r.name not in state.asked and state.changed[r.name] is None]
        state.asked.clear()
        state.changed.clear()
        if remove:
            state.doomed.clear()
        return self._sent(state, News(resources, fresh=fresh, added=added, kept=kept), now)

    def _part(self, state: TypeState, push: bool, now: float) -> Response | None:
        """What was asked for and what changed.

        "for other resource types, the API provides no mechanism for the server to tell the client that
        resources have been deleted"; a name that does not exist is remembered by the subscription.
        """
        state.doomed.clear()
        names = {**state.asked, **(dict.fromkeys(state.changed) if push else {})}
        found = [r for n in names if (r := state.current(n) or self._asked_instead(state, n)) is not None]
        state.taken(names.keys() - state.asked.keys())
        if not found and not state.due:
            return None
        return self._sent(state, News(tuple(found), fresh=found), now)

    @staticmethod
    def _asked_instead(state: TypeState, name: str) -> Resource | None:
        """The answer to a missing name, when it was asked for."""
        return instead(state, name) if name in state.asked else None
