"""Make before break: which push must wait for which other one.

"In general, to avoid traffic drop, sequencing of updates should follow a make before break model."
An answer to a subscription never waits.
"""

from __future__ import annotations

from collections.abc import Mapping

from miniistiod.xds.state import TypeState


def may_push(state: TypeState, states: Mapping[str, TypeState], warming: set[str]) -> bool:
    """Whether what changed in this type may go now.

    A response that is not acknowledged is not followed by another: what comes meanwhile is merged. Types
    that use clusters wait until new clusters have their endpoints, since "the management plane must ensure
    that clusters referenced by a route are in place, before pushing the updates for a route".
    """
    rules = state.rules
    if state.book.in_flight or (rules.awaits and warming):
        return False
    first = [states[url] for url in rules.after if url in states]
    known = [states[url] for url in rules.awaits if url in states]
    return not any(s.changed or s.asked for s in first) and not any(s.book.in_flight for s in known)


def may_remove(state: TypeState, states: Mapping[str, TypeState]) -> bool:
    """Whether what is gone may be taken from the client now: last, after all that referred to it."""
    users = [states[url] for url in state.rules.removed_after if url in states]
    if state.book.in_flight:
        return False
    return not any(s.changed or s.asked or s.doomed or s.book.in_flight for s in users)
