"""The RequestAuthentications in force on a workload → its jwt_authn filter."""

from __future__ import annotations

from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter

from miniistiod.api.istio.security.request_authentication_pb2 import RequestAuthentication
from miniistiod.config.objects import Object
from miniistiod.mesh.kept import kept
from miniistiod.translate.request_authentication.key_set import KeySets
from miniistiod.translate.request_authentication.request_authentication import FILTER, jwt_authentication
from miniistiod.vocab.packing import packed


@kept
def jwt_filters(
    policies: tuple[Object[RequestAuthentication], ...], fetched: KeySets, sidecar: bool
) -> tuple[HttpFilter, ...]:
    """One filter for the rules of all the policies, or none. A gateway may route by claims, so there the
    route is chosen again once they are known.
    """
    rules = [rule for policy in policies for rule in policy.message.jwt_rules]
    config = jwt_authentication(rules, fetched, clear_route_cache=not sidecar)
    return () if config is None else (HttpFilter(name=FILTER, typed_config=packed(config)),)
