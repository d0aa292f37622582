"""Secrets for streams: the workload's own certificate and roots, renewed in time, and what its mesh gives it.

A private key goes only to a caller that has proven the identity it belongs to. Each stream has its own key.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from miniistiod.ca import authority as ca
from miniistiod.ca import keys
from miniistiod.ca.credential import Credential, credential
from miniistiod.server.identity import Caller
from miniistiod.translate.secret.envoy_secret import tls_certificate, validation_context
from miniistiod.translate.secret.material import KeyPair, Roots
from miniistiod.vocab.sds import ROOT, WORKLOAD
from miniistiod.xds.resource import Part, Resource, Snapshot, resource
from miniistiod.xds.type_rules import SDS

SOONEST = timedelta(seconds=0.5)
"""Renewals of many workloads within this time are one push."""

FilesOf = Callable[[Snapshot], Part]
"""A proxy's snapshot → the secrets made of the files that its own configuration names."""


def no_files(base: Snapshot) -> Part:
    """Files are not served."""
    return {}


@dataclass(slots=True, eq=False)
class Held:
    """What one stream has been given: nothing until it asks, then a credential if it has proven who it is."""

    authority: ca.Authority
    credential: Credential | None = None
    part: Part | None = field(default=None, repr=False)
    view: View | None = None


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A snapshot as one caller may see it: other types as they are, secrets only its own.

    `files` counts the changes of files before it.
    """

    base: Snapshot
    secrets: Callable[[Snapshot], tuple[Part, ...]]
    files: int

    def resources(self, type_url: str) -> tuple[Part, ...]:
        """The resources of a type."""
        return self.secrets(self.base) if type_url == SDS else self.base.resources(type_url)


class WorkloadSecrets:
    """The secrets of all streams. `changed` is called when some of them are due to be sent again."""

    def __init__(
        self,
        authority: Callable[[], ca.Authority],
        clock: Callable[[], datetime],
        changed: Callable[[], None],
        lifetime: timedelta = ca.LEAF_LIFETIME,
        files_of: FilesOf = no_files,
    ) -> None:
        self._authority = authority
        self._clock = clock
        self._changed = changed
        self._lifetime = lifetime
        self._files_of = files_of
        self._files = 0
        self._due: datetime | None = None
        self._sooner = asyncio.Event()

    def visible(self, base: Snapshot, node: Any, caller: Caller) -> Snapshot:
        """The snapshot as this caller may see it; the same object as before if nothing changed for it."""
        held: Held | None = caller.held
        if held is None or self._stale(held):
            held = caller.held = Held(self._authority())
        self._expect(held.credential)
        if held.view is None or held.view.base is not base or held.view.files != self._files:
            held.view = View(base, lambda base: self._secrets(base, caller, held), self._files)
        return held.view

    def _secrets(self, base: Snapshot, caller: Caller, held: Held) -> tuple[Part, ...]:
        """Asked for when the client first asks for a secret."""
        if held.part is None:
            held.credential = self._credential(caller, held.authority)
            held.part = workload_part(held.credential, held.authority)
            self._expect(held.credential)
        if caller.identity is None:
            return (held.part,)
        files = self._files_of(base)
        return (held.part, *base.resources(SDS), *((files,) if files else ()))

    def _credential(self, caller: Caller, authority: ca.Authority) -> Credential | None:
        if caller.identity is None:
            return None
        return credential(authority, caller.identity, keys.private_key(), self._clock(), self._lifetime)

    def _stale(self, held: Held) -> bool:
        """Another authority is in force, or it is time for a new certificate."""
        due = held.credential is not None and self._clock() >= held.credential.rotate_at
        return due or held.authority is not self._authority()

    def _expect(self, made: Credential | None) -> None:
        """Every stream says anew what it waits for when it is woken."""
        if made is not None and (self._due is None or made.rotate_at < self._due):
            self._due = made.rotate_at
            self._sooner.set()

    async def keep_fresh(self, next_step: Callable[[], datetime | None] = lambda: None) -> None:
        """Run as long as the server: tell when a renewal is due, or the authority's `next_step`.

        Everybody then looks, and `visible` makes the new certificates.
        """
        while True:
            self._sooner.clear()
            steps = [step for step in (self._due, next_step()) if step is not None]
            left = max(min(steps) - self._clock(), SOONEST).total_seconds() if steps else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._sooner.wait(), left)
            if steps and min(steps) <= self._clock():
                self._due = None
                self._changed()

    def files_changed(self) -> None:
        """Files have another content, so every view is another from now on."""
        self._files += 1

    def wake(self) -> None:
        """Something else is to be waited for: the authority was replaced."""
        self._sooner.set()


def workload_part(made: Credential | None, authority: ca.Authority) -> Part:
    """`ROOTCA` for everybody and `default` for who has a credential."""
    roots = _resource(ROOT, validation_context(ROOT, Roots(authority.roots_pem)))
    if made is None:
        return {ROOT: roots}
    pair = KeyPair(made.chain_pem, made.key_pem)
    return {WORKLOAD: _resource(WORKLOAD, tls_certificate(WORKLOAD, pair)), ROOT: roots}


def _resource(name: str, message: Any) -> Resource:
    return resource(name, message.SerializeToString(deterministic=True))
