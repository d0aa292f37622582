"""The file secrets that a proxy's own configuration names: `file-cert:CERTIFICATE~KEY` and `file-root:ROOTS`.

Only these are read for it: a proxy cannot ask for any file it likes. In Istio the files are on the proxy's
own disk, here they are ours; so a key goes only where the rule that names it has a say: to proxies of the
rule's own namespace, and from or to the root namespace.
"""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.api.istio.networking.destination_rule_pb2 import ClientTLSSettings, DestinationRule
from miniistiod.proxy.facts import fact
from miniistiod.proxy.scope import ProxyScope
from miniistiod.vocab.sds import SYSTEM_ROOTS, certificate_file, root_file


@fact
def file_secrets(scope: ProxyScope) -> frozenset[str]:
    """Their names: of the servers of its gateways and of the rules for its destinations."""
    names = (*_of_servers(scope), *_of_destinations(scope))
    return frozenset(name for name in names if name)


def _of_servers(scope: ProxyScope) -> Iterator[str]:
    for merged in scope.gateway.by_port.values():
        for server in merged.servers:
            tls = server.spec.tls
            yield root_file(tls.ca_certificates)
            if has_a_say(server.gateway.namespace, scope):
                yield certificate_file(tls.server_certificate, tls.private_key)
                for certificate in tls.tls_certificates:
                    yield certificate_file(certificate.server_certificate, certificate.private_key)


def _of_destinations(scope: ProxyScope) -> Iterator[str]:
    for destination in scope.destinations:
        if destination.rule is not None:
            ours = has_a_say(destination.rule.namespace, scope)
            for tls in client_tls(destination.rule.message):
                yield certificate_file(tls.client_certificate, tls.private_key) if ours else ""
                yield root_file(tls.ca_certificates or (SYSTEM_ROOTS if _verifies(tls) else ""))


def has_a_say(namespace: str, scope: ProxyScope) -> bool:
    """Whether a rule of this namespace may give a key to the proxy."""
    own, root = scope.proxy.namespace, scope.mesh.settings.root_namespace
    return namespace == own or root in (namespace, own)


def _verifies(tls: ClientTLSSettings) -> bool:
    """Whether a server must show a certificate of an authority that is known from files."""
    originated = tls.mode in (ClientTLSSettings.SIMPLE, ClientTLSSettings.MUTUAL)
    return originated and not tls.credential_name and not tls.insecure_skip_verify.value


def client_tls(rule: DestinationRule) -> Iterator[ClientTLSSettings]:
    """All the TLS settings of a rule: of its host, its ports, its subsets and theirs."""
    for policy in (rule.traffic_policy, *(subset.traffic_policy for subset in rule.subsets)):
        yield policy.tls
        yield from (port.tls for port in policy.port_level_settings)
