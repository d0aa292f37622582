"""The keys of token issuers, fetched from their jwksUri or found by their OpenID configuration.

A key set that was fetched once keeps serving for a week while its source is down; one that never was fails
closed (translate.request_authentication.key_set). Refreshed every 20 minutes; failures are retried after 1 s,
2 s, 4 s, ... up to an hour. The figures are istiod's, but for the first retries, which it does at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from miniistiod.server.fetch_error import FetchError
from miniistiod.translate.request_authentication.key_set import KeySets, KeySource

log = structlog.get_logger("jwks")

REFRESH = timedelta(minutes=20)
FIRST_RETRY = timedelta(seconds=1)
LAST_RETRY = timedelta(hours=1)
EVICTION = timedelta(days=7)
TIMEOUT = timedelta(seconds=5)
WELL_KNOWN = "/.well-known/openid-configuration"

Get = Callable[[str, timedelta], Awaitable[bytes]]
"""(URL, timeout) → the body; raises FetchError."""


@dataclass(slots=True)
class Entry:
    """One source: its last good text, when that was fetched, and when to try next."""

    timeout: timedelta
    text: str = ""
    fetched: float = 0.0
    due: float = 0.0
    failures: int = 0


class KeyFetcher:
    """Fetches what is wanted and gives `changed` the new KeySets. Times are those of the event loop."""

    def __init__(self, get: Get, changed: Callable[[KeySets], None]) -> None:
        self._get = get
        self._changed = changed
        self._entries: dict[KeySource, Entry] = {}
        self._wake = asyncio.Event()
        self.key_sets = KeySets()

    def want(self, sources: Mapping[KeySource, timedelta]) -> None:
        """What the configuration names now, with the timeout of each; new ones are fetched at once."""
        if sources.keys() - self._entries.keys():
            self._wake.set()
        kept = {s: self._entries.get(s) or Entry(timeout) for s, timeout in sources.items()}
        for source, entry in kept.items():
            entry.timeout = sources[source]
        self._entries = kept
        self._publish()

    async def run(self) -> None:
        """Fetch and refresh as long as the server runs."""
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            due = [(source, entry) for source, entry in self._entries.items() if entry.due <= loop.time()]
            await asyncio.gather(*(self._refresh(source, entry) for source, entry in due))
            self._publish()
            nexts = [entry.due for entry in self._entries.values()]
            left = max(min(nexts) - loop.time(), 0.0) if nexts else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), left)

    async def _refresh(self, source: KeySource, entry: Entry) -> None:
        now = asyncio.get_running_loop().time()
        try:
            text = await fetched(source, entry.timeout, self._get)
        except FetchError as error:
            entry.failures += 1
            entry.due = now + retry_after(entry.failures).total_seconds()
            if entry.text and now - entry.fetched >= EVICTION.total_seconds():
                entry.text = ""
            log.warning("key set not fetched", issuer=source.issuer, uri=source.uri, reason=str(error))
            return
        entry.text, entry.fetched, entry.failures = text, now, 0
        entry.due = now + REFRESH.total_seconds()

    def _publish(self) -> None:
        """Tell about other texts than before; the same keys in another order are no news."""
        texts = {source: entry.text for source, entry in self._entries.items() if entry.text}
        before = self.key_sets.texts
        if texts.keys() != before.keys() or any(not same_keys(texts[s], before[s]) for s in texts):
            self.key_sets = KeySets(texts)
            self._changed(self.key_sets)


def retry_after(failures: int) -> timedelta:
    """Twice as long after each failure in a row."""
    doubled: timedelta = FIRST_RETRY * 2 ** min(failures - 1, 20)
    return min(doubled, LAST_RETRY)


async def fetched(source: KeySource, timeout: timedelta, get: Get) -> str:
    """The key set of a source."""
    uri = source.uri or await discovered(source.issuer, timeout, get)
    body = await get(uri, timeout)
    if _keys(body) is None:
        # A body that is no key set must not reach an Envoy's configuration, where users could read it.
        raise FetchError(f"{uri} is no key set (a JSON object with a list of keys)")
    return body.decode()


async def discovered(issuer: str, timeout: timedelta, get: Get) -> str:
    """The jwks_uri in the OpenID configuration of an issuer."""
    if not issuer:
        raise FetchError("neither jwksUri nor issuer")
    url = issuer.removesuffix("/") + WELL_KNOWN
    try:
        uri = json.loads(await get(url, timeout))["jwks_uri"]
    except (ValueError, KeyError, TypeError):
        raise FetchError(f"{url} has no jwks_uri") from None
    if not isinstance(uri, str):
        raise FetchError(f"{url} has no jwks_uri")
    return uri


def same_keys(one: str, other: str) -> bool:
    """Whether two texts hold the same keys, in any order."""
    return one == other or _ordered(_keys(one.encode())) == _ordered(_keys(other.encode()))


def _keys(body: bytes) -> list[object] | None:
    try:
        document = json.loads(body)
    except ValueError:
        return None
    found = document.get("keys") if isinstance(document, dict) else None
    return found if isinstance(found, list) else None


def _ordered(keys: Iterable[object] | None) -> list[str]:
    return sorted(json.dumps(key, sort_keys=True) for key in keys or ())


async def get(url: str, timeout: timedelta) -> bytes:
    """One HTTP GET, by what is imported for the first: few meshes have keys to fetch, and it takes 5 MB."""
    from miniistiod.server.download import content

    return await content(url, timeout)
