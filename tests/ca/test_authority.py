"""The authority: what it signs verifies, what does not fit is refused, two roots overlap in a rotation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from miniistiod.ca import authority as ca
from miniistiod.ca import certificates, keys
from miniistiod.ca.credential import credential, server_credential
from miniistiod.ca.identity import Identity
from miniistiod.ca.rotation import Rotation

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
WEB = Identity("cluster.local", "shop", "web")


@pytest.fixture(scope="module")
def root() -> ca.Authority:
    return ca.self_signed(NOW, keys.private_key())


def intermediate(root: ca.Authority, key: keys.Private, lifetime: timedelta = 24 * HOUR) -> x509.Certificate:
    """A signing certificate under a root, as a user's own PKI makes it."""
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "below")]))
        .issuer_name(root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - HOUR)
        .not_valid_after(NOW + lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root.key, ca.digest(root.key))
    )


def pems(
    root: ca.Authority, signer: x509.Certificate, key: keys.Private
) -> tuple[bytes, bytes, bytes, bytes]:
    """The four files of `cacerts`."""
    chain = certificates.pem_of([signer, root.certificate])
    return root.roots_pem, certificates.pem_of([signer]), keys.pem_of(key), chain


def test_an_own_root_signs_certificates_with_the_spiffe_name(root: ca.Authority) -> None:
    made = credential(root, WEB, keys.private_key(), NOW, HOUR)
    leaf = x509.load_pem_x509_certificates(made.chain_pem)[0]
    assert certificates.identity(leaf) == WEB
    assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
    assert leaf.not_valid_before_utc == NOW - timedelta(minutes=2)
    assert leaf.not_valid_after_utc == NOW + HOUR
    assert made.rotate_at == NOW + HOUR / 2
    assert certificates.path_to_root(leaf, (), root.roots)


def test_a_private_key_never_shows_in_a_repr(root: ca.Authority) -> None:
    made = credential(root, WEB, keys.private_key(), NOW, HOUR)
    assert b"PRIVATE KEY" in made.key_pem
    assert "PRIVATE" not in repr(made)
    assert "key=" not in repr(root)


def test_a_leaf_never_outlives_its_signer() -> None:
    short = ca.self_signed(NOW, keys.private_key(), HOUR)
    leaf = ca.leaf(short, (x509.DNSName("a"),), keys.private_key().public_key(), NOW, 5 * HOUR)
    assert leaf.not_valid_after_utc == NOW + HOUR
    with pytest.raises(ca.BadAuthority, match="expired"):
        ca.leaf(short, (x509.DNSName("a"),), keys.private_key().public_key(), NOW + HOUR, HOUR)


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "rsa-2048"])
def test_a_users_intermediate_is_sent_along_and_verifies(root: ca.Authority, kind: keys.Type) -> None:
    key = keys.private_key(kind)
    signer = intermediate(root, key)
    own = ca.plugged_in(*pems(root, signer, key), NOW)
    assert own.chain == (signer,)
    assert own.roots == root.roots
    made = credential(own, WEB, keys.private_key(), NOW, HOUR)
    assert len(x509.load_pem_x509_certificates(made.chain_pem)) == 2
    leaf = x509.load_pem_x509_certificates(made.chain_pem)[0]
    assert certificates.path_to_root(leaf, own.chain, own.roots)
    assert not certificates.path_to_root(leaf, (), own.roots)


def test_a_users_own_root_without_intermediate(root: ca.Authority) -> None:
    own = ca.plugged_in(root.roots_pem, root.roots_pem, keys.pem_of(root.key), b"", NOW)
    assert own.chain == ()
    assert own.certificate == root.certificate


def test_authorities_that_do_not_fit_are_refused_with_the_reason(root: ca.Authority) -> None:
    key = keys.private_key()
    signer = intermediate(root, key)
    root_pem, signer_pem, key_pem, chain_pem = pems(root, signer, key)
    other_root = ca.self_signed(NOW, keys.private_key()).roots_pem
    leaf = ca.leaf(root, (x509.DNSName("a"),), key.public_key(), NOW, HOUR)
    leaf_pem = certificates.pem_of([leaf])
    for parts, reason in (
        ((root_pem, signer_pem, keys.pem_of(keys.private_key()), chain_pem), "not the key of"),
        ((other_root, signer_pem, key_pem, b""), "no chain"),
        ((root_pem, leaf_pem, key_pem, b""), "may not sign"),
        ((root_pem, b"", key_pem, b""), "must each hold"),
        ((root_pem, b"junk", key_pem, b""), "not a certificate"),
        ((root_pem, signer_pem, b"junk", b""), "not a private key"),
    ):
        with pytest.raises(ca.BadAuthority, match=reason):
            ca.plugged_in(*parts, NOW)
    with pytest.raises(ca.BadAuthority, match="not now"):
        ca.plugged_in(root_pem, signer_pem, key_pem, chain_pem, NOW + 100 * HOUR)


def test_a_server_certificate_has_names_and_addresses(root: ca.Authority) -> None:
    chain, _ = server_credential(root, ("istiod", "127.0.0.1"), keys.private_key(), NOW, HOUR)
    names = certificates.alternative_names(x509.load_pem_x509_certificates(chain)[0])
    assert names[0].value == "istiod"
    assert str(names[1].value) == "127.0.0.1"


def test_in_a_rotation_everybody_verifies_everybody_at_each_step(root: ca.Authority) -> None:
    new = ca.self_signed(NOW, keys.private_key())
    spread = timedelta(minutes=5)
    rotation = Rotation(root, new, NOW, spread, HOUR)
    steps = [NOW, NOW + spread, NOW + spread + HOUR]
    before = credential(root, WEB, keys.private_key(), NOW - HOUR / 2, HOUR)
    held = [before, *(credential(rotation.authority(s), WEB, keys.private_key(), s, HOUR) for s in steps)]
    # A workload is at most one step behind another.
    for one, other, at in zip(held, held[1:], steps, strict=False):
        for client, server in ((one, other), (other, one)):
            if client.not_after > at:
                leaf = x509.load_pem_x509_certificates(client.chain_pem)[0]
                assert certificates.path_to_root(leaf, (), x509.load_pem_x509_certificates(server.roots_pem))
    assert rotation.next_step(NOW) == NOW + spread
    assert rotation.next_step(NOW + spread) == rotation.ends
    assert rotation.next_step(rotation.ends) is None
    assert rotation.authority(rotation.ends).roots == new.roots
