"""`miniistiod authz check` and `authz why`: a workload's policies, and what decides a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table

from miniistiod.api.istio.security.authorization_policy_pb2 import AuthorizationPolicy
from miniistiod.app.authorization import Authorization, NoWorkload, authorization
from miniistiod.generate.authorization_filters import dry_run
from miniistiod.generate.authorization_verdict import Deciding, Verdict
from miniistiod.server.files import ConfigFiles
from miniistiod.vocab.asked import Asked

ORDER = (
    AuthorizationPolicy.CUSTOM,
    AuthorizationPolicy.AUDIT,
    AuthorizationPolicy.DENY,
    AuthorizationPolicy.ALLOW,
)


@click.group()
def authz() -> None:
    """Authorization: the policies on a workload, and why a request is allowed or denied."""


def about(command: Callable[..., Any]) -> Callable[..., Any]:
    """The workload and the configuration, which both commands ask for."""
    path = click.Path(exists=True, path_type=Path)
    config = click.option(
        "--config", "-c", required=True, multiple=True, type=path, help="File or folder of YAML."
    )
    return click.argument("workload")(config(command))


@authz.command()
@about
def check(workload: str, config: tuple[Path, ...]) -> None:
    """The policies in force on WORKLOAD (NAME or NAME.NAMESPACE), in the order Envoy asks them."""
    found = loaded(workload, config)
    table = Table("ACTION", "POLICY", "RULES", Column("FROM", overflow="fold"), box=None)
    for policy in sorted(found.policies, key=lambda p: ORDER.index(p.message.action)):
        action = AuthorizationPolicy.Action.Name(policy.message.action)
        trial = " (dry run)" if dry_run(policy) else ""
        name = f"{policy.name}.{policy.namespace}"
        table.add_row(f"{action}{trial}", name, str(len(policy.message.rules)), str(policy.origin))
    console = Console(soft_wrap=True)
    if found.policies:
        console.print(table)
    else:
        console.print("no AuthorizationPolicy is in force: everything is allowed")


@authz.command()
@about
@click.option("--method", default="GET", show_default=True)
@click.option("--path", default="/", show_default=True)
@click.option("--host", default="", help="The Host header.")
@click.option("--header", "-H", multiple=True, metavar="NAME:VALUE", help="A further header.")
@click.option("--port", type=int, default=0, help="The port the workload listens on.")
@click.option("--address", default="", help="The workload's own IP address.")
@click.option(
    "--source",
    default="",
    metavar="DOMAIN/ns/NS/sa/ACCOUNT",
    help="The identity in the client's certificate.",
)
@click.option("--source-ip", default="", help="Who opens the connection.")
@click.option("--remote-ip", default="", help="The original client, as X-Forwarded-For tells.")
@click.option("--sni", default="", help="The server name the client asks for.")
@click.option("--claims", default="", metavar="JSON", help="The claims of a verified token.")
@click.option("--tcp", is_flag=True, help="A TCP connection, not an HTTP request.")
def why(workload: str, config: tuple[Path, ...], **given: Any) -> None:
    """What happens to one request to WORKLOAD, and which policy and rule decide."""
    verdict = loaded(workload, config).verdict(asked(given), given["tcp"])
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{verdict.action}: {verdict.reason}")
    for line in details(verdict):
        console.print(f"  {line}", markup=False)


def details(verdict: Verdict) -> list[str]:
    """What else there is to say of a verdict."""
    lines = [place(verdict.by)] if verdict.by is not None else []
    lines += [f"before that, the provider {name} is asked" for name in verdict.asks]
    return lines + [f"also matches, and only counts: {place(noted)}" for noted in verdict.noted]


def place(deciding: Deciding) -> str:
    """Policy, rule and file."""
    policy = deciding.policy
    return f"{policy.name}.{policy.namespace}, rule {deciding.rule} ({deciding.name}), from {policy.origin}"


def asked(given: dict[str, Any]) -> Asked:
    """The request that the options describe."""
    headers = dict(split_header(h) for h in given["header"])
    try:
        claims = json.loads(given["claims"]) if given["claims"] else None
    except ValueError as fault:
        raise click.BadParameter(f"--claims: {fault}") from None
    return Asked(
        method=given["method"],
        path=given["path"],
        host=given["host"],
        headers=headers,
        port=given["port"],
        address=given["address"],
        source_ip=given["source_ip"],
        remote_ip=given["remote_ip"] or given["source_ip"],
        server_name=given["sni"],
        principal=f"spiffe://{given['source']}" if given["source"] else "",
        claims=claims,
    )


def split_header(text: str) -> tuple[str, str]:
    """NAME:VALUE."""
    name, colon, value = text.partition(":")
    if not colon:
        raise click.BadParameter(f"{text!r} is not NAME:VALUE")
    return name.strip().lower(), value.strip()


def loaded(workload: str, config: tuple[Path, ...]) -> Authorization:
    """The policies on a workload of the configuration in these files."""
    try:
        return authorization(ConfigFiles(config).load(), workload)
    except NoWorkload as fault:
        raise click.ClickException(str(fault)) from None
