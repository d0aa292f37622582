"""Secrets for streams: the workload's own certificate and roots, renewed in time, and what its mesh gives it.

A private key goes only to a caller that has proven the identity it belongs to. Each stream has its own key.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
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

FilesOf = Callable[[Any], Part]
"""A Node → the secrets made of files that its own configuration names."""


def no_files(node: Any) -> Part:
    """Files are not served."""
    return {}


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A snapshot as one caller may see it: other types as they are, secrets only its own."""

    base: Snapshot
    secrets: tuple[Part, ...]

    def resources(self, type_url: str) -> tuple[Part, ...]:
        """The resources of a type."""
        return self.secrets if type_url == SDS else self.base.resources(type_url)


@dataclass(slots=True)
class Held:
    """What a stream has been given: its credential, if it proved who it is, and the view it belongs to."""

    credential: Credential | None
    authority: ca.Authority
    part: Part
    view: View | None = None
    files: Part | None = None


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
        self._due: datetime | None = None
        self._sooner = asyncio.Event()

    def view(self, base: Snapshot, node: Any, caller: Caller | None) -> Snapshot:
        """The snapshot as this caller may see it; the same object as before if nothing changed for it."""
        caller = caller if caller is not None else Caller(None)
        held = self._held(caller)
        files = self._files_of(node) if caller.identity is not None else {}
        if held.view is None or held.view.base is not base or held.files is not files:
            mesh = base.resources(SDS) if caller.identity is not None else ()
            held.view, held.files = View(base, (held.part, *mesh, *((files,) if files else ()))), files
        return held.view

    def _held(self, caller: Caller) -> Held:
        """What the stream holds, renewed if it is time or the authority is another."""
        authority, now = self._authority(), self._clock()
        held: Held | None = caller.view
        if held is not None and held.authority is authority and not _due(held.credential, now):
            self._expect(held.credential)
            return held
        made = None
        if caller.identity is not None:
            made = credential(authority, caller.identity, keys.private_key(), now, self._lifetime)
        self._expect(made)
        caller.view = Held(made, authority, workload_part(made, authority))
        return caller.view

    def _expect(self, made: Credential | None) -> None:
        """Every stream says anew what it waits for when it is woken."""
        if made is not None and (self._due is None or made.rotate_at < self._due):
            self._due = made.rotate_at
            self._sooner.set()

    async def keep_fresh(self) -> None:
        """Run as long as the server: tell when a renewal is due. `view` then makes the new certificates."""
        while True:
            self._sooner.clear()
            if self._due is None:
                await self._sooner.wait()
                continue
            left = max(self._due - self._clock(), SOONEST).total_seconds()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._sooner.wait(), left)
            if self._due <= self._clock():
                self._due = None
                self._changed()


def workload_part(made: Credential | None, authority: ca.Authority) -> Part:
    """`ROOTCA` for everybody and `default` for who has a credential."""
    roots = _resource(ROOT, validation_context(ROOT, Roots(authority.roots_pem)))
    if made is None:
        return {ROOT: roots}
    pair = KeyPair(made.chain_pem, made.key_pem)
    return {WORKLOAD: _resource(WORKLOAD, tls_certificate(WORKLOAD, pair)), ROOT: roots}


def _due(made: Credential | None, now: datetime) -> bool:
    return made is not None and now >= made.rotate_at


def _resource(name: str, message: Any) -> Resource:
    return resource(name, message.SerializeToString(deterministic=True))
