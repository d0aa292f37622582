"""The file secrets that a proxy's own configuration names: `file-cert:CERTIFICATE~KEY` and `file-root:ROOTS`.

Only these are read for it: a proxy cannot ask for any file it likes.
"""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.api.istio.networking.destination_rule_pb2 import ClientTLSSettings, DestinationRule
from miniistiod.proxy.facts import fact
from miniistiod.proxy.scope import ProxyScope
from miniistiod.vocab.sds import certificate_file, root_file


@fact
def file_secrets(scope: ProxyScope) -> frozenset[str]:
    """Their names: of the servers of its gateways and of the rules for its destinations."""
    names = (*_of_servers(scope), *_of_destinations(scope))
    return frozenset(name for name in names if name)


def _of_servers(scope: ProxyScope) -> Iterator[str]:
    for merged in scope.gateway.by_port.values():
        for server in merged.servers:
            tls = server.spec.tls
            yield certificate_file(tls.server_certificate, tls.private_key)
            yield root_file(tls.ca_certificates)
            for certificate in tls.tls_certificates:
                yield certificate_file(certificate.server_certificate, certificate.private_key)


def _of_destinations(scope: ProxyScope) -> Iterator[str]:
    for destination in scope.destinations:
        if destination.rule is not None:
            for tls in _client_tls(destination.rule.message):
                yield certificate_file(tls.client_certificate, tls.private_key)
                yield root_file(tls.ca_certificates)


def _client_tls(rule: DestinationRule) -> Iterator[ClientTLSSettings]:
    for policy in (rule.traffic_policy, *(subset.traffic_policy for subset in rule.subsets)):
        yield policy.tls
        yield from (port.tls for port in policy.port_level_settings)
