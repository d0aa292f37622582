"""The options of `serve` about identities: authority, certificates, whom to believe."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from miniistiod.app import settings as defaults

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


URL = re.compile(r"(?P<name>[^=]+)=(?P<url>https?://.+)")


def issuers(
    context: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[tuple[str, Path], ...]:
    """NAME=FILE, several times. NAME=URL goes into the parameter `issuer_urls`."""
    found = [(text, URL.fullmatch(text)) for text in given]
    context.params["issuer_urls"] = tuple((match["name"], match["url"]) for _, match in found if match)
    pairs = [text.rpartition("=") for text, match in found if not match]
    for name, _equals, file in pairs:
        if not name or not Path(file).is_file():
            raise click.BadParameter(
                f"{name}={file} is not NAME=FILE or NAME=URL of a key set", param=parameter
            )
    return tuple((name, Path(file)) for name, _equals, file in pairs)


OPTIONS = (
    click.option(
        "--ca-directory",
        type=click.Path(file_okay=False, path_type=Path),
        default=defaults.state_directory,
        show_default="~/.local/state/miniistiod",
        envvar="MINIISTIOD_CA_DIRECTORY",
        help="Where our own authority keeps its key.",
    ),
    click.option(
        "--cacerts",
        type=FOLDER,
        envvar="MINIISTIOD_CACERTS",
        help="A folder with an authority of your own, as Istio's cacerts.",
    ),
    click.option(
        "--certificate-lifetime",
        type=click.FloatRange(min=1),
        default=defaults.CERTIFICATE_LIFETIME,
        show_default=True,
        metavar="SECONDS",
        envvar="MINIISTIOD_CERTIFICATE_LIFETIME",
        help="How long a workload's certificate lives; it is renewed at half of that.",
    ),
    click.option(
        "--token-issuer",
        "token_issuers",
        multiple=True,
        metavar="NAME=FILE|URL",
        callback=issuers,
        envvar="MINIISTIOD_TOKEN_ISSUERS",
        help="An issuer of workload tokens to believe besides ourselves, and where its key set (JWKS) is.",
    ),
    click.option(
        "--secret-folder",
        "secret_folders",
        multiple=True,
        type=FOLDER,
        envvar="MINIISTIOD_SECRET_FOLDERS",
        help="A folder whose certificates and keys Gateways and DestinationRules may name as files.",
    ),
    click.option(
        "--client-certificate-address",
        default="",
        metavar="HOST:PORT",
        envvar="MINIISTIOD_CLIENT_CERTIFICATE_ADDRESS",
        help="Like --secure-grpc-address, for clients that prove who they are by a certificate, not a token.",
    ),
    click.option(
        "--trust-plaintext",
        is_flag=True,
        envvar="MINIISTIOD_TRUST_PLAINTEXT",
        help="Give private keys to whoever asks in plaintext. For a machine on which you trust everybody.",
    ),
)


def security_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """All of them."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command
