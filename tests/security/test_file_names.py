"""Which files a proxy may be served: those its own Gateways and rules name, and no others."""

from __future__ import annotations

from miniistiod.generate.file_secrets import file_secrets
from tests.parity import ours


def test_a_gateway_is_served_the_files_of_its_servers() -> None:
    (scope,) = ours.scopes("gateway/https-files").values()
    pair = "file-cert:/etc/certs/tls.crt~/etc/certs/tls.key"
    assert file_secrets(scope) == {pair, "file-root:/etc/certs/ca.crt"}


def test_a_client_is_served_the_files_of_the_rules_for_its_destinations() -> None:
    (scope,) = ours.scopes("destinationrule/tls-modes").values()
    pair = "file-cert:/etc/certs/client.pem~/etc/certs/key.pem"
    assert file_secrets(scope) == {pair, "file-root:/etc/certs/ca.pem"}


def test_who_names_no_file_is_served_none() -> None:
    for scope in ours.scopes("authorizationpolicy/from-principals").values():
        assert file_secrets(scope) == set()
