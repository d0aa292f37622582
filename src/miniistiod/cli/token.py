"""`miniistiod token`: tokens and key sets for tests, and the bearer token of a workload."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from miniistiod.ca import keys, tokens
from miniistiod.ca.identity import Identity
from miniistiod.cli.elsewhere import Helpful
from miniistiod.server import authority_store
from miniistiod.server.security import utc_now

KEY = click.option(
    "--key",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("token-key.pem"),
    show_default=True,
    help="The private key to sign with; made when it is not there.",
)
EXPIRES = click.option(
    "--expires",
    type=float,
    default=3600,
    show_default=True,
    help="Seconds until it expires; may be negative.",
)


@click.group(cls=Helpful)
def token() -> None:
    """Mint JSON web tokens (JWT), and the key set (JWKS) that verifies them."""


@token.command()
@KEY
@EXPIRES
@click.option("--issuer", default="testing@mini-istiod", show_default=True, help="Who signs it.")
@click.option("--subject", default="testing@mini-istiod", show_default=True, help="Whom it speaks of.")
@click.option("--audience", multiple=True, help="May be given several times.")
@click.option("--claim", multiple=True, metavar="NAME=VALUE", help="A further claim; VALUE may be JSON.")
def mint(
    key: Path, expires: float, issuer: str, subject: str, audience: tuple[str, ...], claim: tuple[str, ...]
) -> None:
    """Print a signed token."""
    now = int(utc_now().timestamp())
    claims: dict[str, Any] = {"iss": issuer, "sub": subject, "iat": now, "exp": now + int(expires)}
    if audience:
        claims["aud"] = list(audience) if len(audience) > 1 else audience[0]
    claims |= dict(split_claim(c) for c in claim)
    click.echo(tokens.minted(claims, signing_key(key)))


@token.command()
@KEY
def jwks(key: Path) -> None:
    """Print the key set, for `jwks` of a RequestAuthentication."""
    click.echo(tokens.key_set([signing_key(key).public_key()]))


@token.command()
@click.argument("account", metavar="NAMESPACE/SERVICE-ACCOUNT")
@EXPIRES
@click.option(
    "--ca-directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="That of `miniistiod serve`.",
)
def workload(account: str, expires: float, ca_directory: Path) -> None:
    """Print the bearer token of a workload.

    With it a workload gets its certificate from us."""
    namespace, slash, name = account.partition("/")
    if not (namespace and slash and name):
        raise click.BadParameter(f"{account!r} is not NAMESPACE/SERVICE-ACCOUNT")
    identity = Identity("cluster.local", namespace, name)
    claims = tokens.service_account_claims(identity, utc_now(), timedelta(seconds=expires))
    click.echo(tokens.minted(claims, authority_store.token_key(ca_directory)))


def signing_key(path: Path) -> keys.Private:
    """The key in a file; a new one is written when there is none."""
    if not path.exists():
        made = keys.private_key("rsa-2048")
        authority_store.secret_file(path, keys.pem_of(made))
        return made
    try:
        return keys.of_pem(authority_store.read(path))
    except keys.BadKey as fault:
        raise click.ClickException(f"{path}: {fault}") from None


def split_claim(text: str) -> tuple[str, Any]:
    """NAME=VALUE, where VALUE is JSON or else a text."""
    name, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
