"""Which key sets the RequestAuthentications of the mesh need fetched, and how long a fetch may take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from miniistiod.api.istio.security.request_authentication_pb2 import RequestAuthentication
from miniistiod.config.objects import Object
from miniistiod.translate.request_authentication.key_set import KeySource, fetch_timeout, key_source


def key_sources(policies: Iterable[Object[RequestAuthentication]]) -> Mapping[KeySource, timedelta]:
    """All sources, each with its longest timeout."""
    found: dict[KeySource, timedelta] = {}
    for policy in policies:
        for rule in policy.message.jwt_rules:
            source = key_source(rule)
            if source is not None:
                found[source] = max(found.get(source, timedelta()), fetch_timeout(rule).ToTimedelta())
    return found
