"""The Secrets and ConfigMaps a proxy may ask for over ADS: `kubernetes://NAME`, its `-cacert`, `configmap://...`.

As in istiod: roots go to any proxy of the Secret's namespace, private keys to its gateways; a Secret of
another namespace only where a Gateway (of the Gateway API) was allowed to name it. A sidecar is given a key
in istiod if its account may read Secrets; here if a DestinationRule that selects it names the Secret.
Whether the proxy is who it says, the server has checked before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from miniistiod.config.objects import Object
from miniistiod.generate.file_secrets import client_tls
from miniistiod.mesh.kept import kept
from miniistiod.proxy.facts import fact
from miniistiod.proxy.scope import ProxyScope
from miniistiod.translate.secret import envoy_secret, material
from miniistiod.vocab.sds import CA_SUFFIX
from miniistiod.xds.resource import Part, Resource, resource

KUBERNETES = "kubernetes://"
GATEWAY = "kubernetes-gateway://"
CONFIG_MAP = "configmap://"


@fact
def secrets(scope: ProxyScope) -> tuple[Part, ...]:
    """Everything it may ask for by name."""
    namespace = scope.proxy.namespace
    own = tuple(s for (of_namespace, _), s in scope.mesh.secrets.items() if of_namespace == namespace)
    keyed = own if scope.proxy.is_router else _of_rules(scope, own)
    parts = [
        namespace_secrets(keyed, True),
        namespace_secrets(tuple(s for s in own if s not in keyed), False),
        root_config_maps(tuple(scope.mesh.config_maps.values())),
    ]
    if scope.gateway.credentials:
        parts.append(granted_secrets(_granted(scope)))
    return tuple(parts)


def _of_rules(scope: ProxyScope, own: tuple[Object[Any], ...]) -> tuple[Object[Any], ...]:
    """The Secrets, with those of their roots, that rules for this very proxy name as its credentials."""
    if not own:
        return ()
    rules = (d.rule.message for d in scope.destinations if d.rule is not None)
    selecting = (rule for rule in rules if rule.HasField("workload_selector"))
    named = {tls.credential_name.removeprefix(KUBERNETES) for rule in selecting for tls in client_tls(rule)}
    return tuple(s for s in own if s.name.removesuffix(CA_SUFFIX) in named)


@kept
def namespace_secrets(secrets: tuple[Object[Any], ...], keys: bool) -> Part:
    """The Secrets of one namespace under their name and under NAMESPACE/NAME; without `keys` only roots."""
    names = frozenset(secret.name for secret in secrets)
    found: dict[str, Resource] = {}
    for secret in secrets:
        own_roots = f"{secret.name}{CA_SUFFIX}" in names
        for name in (secret.name, f"{secret.namespace}/{secret.name}"):
            made = credentials(secret, f"{KUBERNETES}{name}", own_roots, keys)
            found |= {each.name: each for each in made}
    return found


@kept
def granted_secrets(secrets: tuple[tuple[str, Object[Any]], ...]) -> Part:
    """The Secrets that Gateways were allowed to name, each with the name it is asked for by."""
    found: dict[str, Resource] = {}
    for name, secret in secrets:
        made = credentials(secret, name.removesuffix(CA_SUFFIX), False, True)
        found |= {each.name: each for each in made if each.name == name}
    return found


def _granted(scope: ProxyScope) -> tuple[tuple[str, Object[Any]], ...]:
    named = []
    for reference in sorted(r for r in scope.gateway.credentials if r.startswith(GATEWAY)):
        namespace, _, name = reference.removeprefix(GATEWAY).partition("/")
        for candidate in (name, name.removesuffix(CA_SUFFIX)):
            if (secret := scope.mesh.secrets.get((namespace, candidate))) is not None:
                named.append((reference, secret))
                break
    return tuple(named)


@kept
def root_config_maps(config_maps: tuple[Object[Any], ...]) -> Part:
    """The roots in ConfigMaps, which are no secret and go to everybody."""
    found: dict[str, Resource] = {}
    for each in config_maps:
        made = material.roots(material.config_map_data(each.message))
        if made is not None:
            for suffix in ("", CA_SUFFIX):
                name = f"{CONFIG_MAP}{each.namespace}/{each.name}{suffix}"
                found[name] = _resource(envoy_secret.validation_context(name, made), each)
    return found


@kept
def credentials(secret: Object[Any], name: str, own_roots: bool, keys: bool) -> tuple[Resource, ...]:
    """What one Secret gives under `name` and, unless another Secret has that name, under its `-cacert`.

    A Secret that is itself called -cacert gives roots only.
    """
    return tuple(_credentials(secret, name, own_roots, keys))


def _credentials(secret: Object[Any], name: str, own_roots: bool, keys: bool) -> Iterator[Resource]:
    data = material.secret_data(secret.message)
    pair, roots = material.key_pair(data), material.roots(data)
    roots_only = name.endswith(CA_SUFFIX)
    if pair is not None and keys and not roots_only:
        yield _resource(envoy_secret.tls_certificate(name, pair), secret)
    if roots is not None and not own_roots:
        roots_name = name if roots_only else f"{name}{CA_SUFFIX}"
        yield _resource(envoy_secret.validation_context(roots_name, roots), secret)


def _resource(message: Any, origin: Object[Any]) -> Resource:
    return resource(message.name, message.SerializeToString(deterministic=True), origins=(origin.origin,))
