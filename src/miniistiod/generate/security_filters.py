"""A proxy's scope → the filters of authentication and authorization on its way in, in the order they run.

The listener puts them behind metadata exchange: `custom`, then `authentication`, then `authorization`.
"""

from __future__ import annotations

from dataclasses import dataclass

from envoy.config.listener.v3.listener_components_pb2 import Filter
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import HttpFilter

from miniistiod.api.istio.security.request_authentication_pb2 import RequestAuthentication
from miniistiod.config.objects import Object
from miniistiod.generate import authorization_filters
from miniistiod.generate.authentication_filters import jwt_filters
from miniistiod.generate.authorization_filters import Policies
from miniistiod.generate.authorization_providers import NONE, Providers, mesh_providers
from miniistiod.mesh.kept import kept
from miniistiod.proxy.facts import fact
from miniistiod.proxy.scope import ProxyScope
from miniistiod.translate.request_authentication.key_set import KeySets


@dataclass(frozen=True, slots=True, eq=False)
class HttpSecurity:
    """`custom` asks another service, `authentication` verifies tokens, `authorization` decides."""

    custom: tuple[HttpFilter, ...] = ()
    authentication: tuple[HttpFilter, ...] = ()
    authorization: tuple[HttpFilter, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class NetworkSecurity:
    """The filters of TCP, which has no tokens."""

    custom: tuple[Filter, ...] = ()
    authorization: tuple[Filter, ...] = ()


@fact
def http_security(scope: ProxyScope) -> HttpSecurity:
    """For inbound HTTP of a sidecar, and for all HTTP of a gateway; never for a sidecar's way out."""
    return _http_security(
        scope.authorization_policies,
        scope.request_authentications,
        scope.settings.trust_domains,
        _providers(scope),
        scope.mesh.key_sets,
        scope.proxy.is_sidecar,
    )


@fact
def network_security(scope: ProxyScope) -> NetworkSecurity:
    """For inbound TCP of a sidecar, and for all TCP of a gateway."""
    return _network_security(scope.authorization_policies, scope.settings.trust_domains, _providers(scope))


@kept
def _http_security(
    policies: Policies,
    requests: tuple[Object[RequestAuthentication], ...],
    domains: tuple[str, ...],
    asked: Providers,
    fetched: KeySets,
    sidecar: bool,
) -> HttpSecurity:
    return HttpSecurity(
        authorization_filters.custom_http_filters(policies, domains, asked),
        jwt_filters(requests, fetched, sidecar),
        authorization_filters.local_http_filters(policies, domains),
    )


@kept
def _network_security(policies: Policies, domains: tuple[str, ...], asked: Providers) -> NetworkSecurity:
    return NetworkSecurity(
        authorization_filters.custom_network_filters(policies, domains, asked),
        authorization_filters.local_network_filters(policies, domains),
    )


@fact
def _providers(scope: ProxyScope) -> Providers:
    custom = any(authorization_filters.is_custom(p) for p in scope.authorization_policies)
    return mesh_providers(scope.settings, scope.mesh.services) if custom else NONE
