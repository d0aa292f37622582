"""`miniistiod authz check` and `authz why`: a workload's policies, and what decides a request.

Without --config they speak of the lab; while that runs, `why` sends the request there to prove its answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from miniistiod.api.istio.security.authorization_policy_pb2 import AuthorizationPolicy
from miniistiod.app.authorization import Authorization, NoWorkload, authorization
from miniistiod.cli.elsewhere import Helpful
from miniistiod.cli.lab_state import state_option, the_lab
from miniistiod.cli.tables import show, terminal
from miniistiod.generate.authorization_filters import dry_run
from miniistiod.generate.authorization_verdict import Deciding, Verdict
from miniistiod.server.files import ConfigFiles
from miniistiod.testing.fired import Answer, CannotFire, Shot, shot
from miniistiod.vocab.asked import Asked

ORDER = (
    AuthorizationPolicy.CUSTOM,
    AuthorizationPolicy.AUDIT,
    AuthorizationPolicy.DENY,
    AuthorizationPolicy.ALLOW,
)

SECONDS_TO_DRAIN = 6.0
"""The lab's Envoys drain for 5 seconds."""


@click.group(cls=Helpful)
def authz() -> None:
    """Authorization: the policies on a workload, and why a request is allowed or denied."""


def about(command: Callable[..., Any]) -> Callable[..., Any]:
    """The workload and the configuration, which both commands ask for."""
    path = click.Path(exists=True, path_type=Path)
    config = click.option(
        "--config", "-c", "-f", multiple=True, type=path, help="File or folder of YAML.  [default: the lab's]"
    )
    return click.argument("workload")(config(state_option(command)))


@authz.command()
@about
def check(workload: str, config: tuple[Path, ...], state: Path | None) -> None:
    """The policies in force on a workload.

    WORKLOAD is NAME or NAME.NAMESPACE. The policies come in the order in which Envoy asks them.
    """
    found = loaded(workload, config, state)
    rows = []
    for policy in sorted(found.policies, key=lambda p: ORDER.index(p.message.action)):
        action = AuthorizationPolicy.Action.Name(policy.message.action)
        trial = " (dry run)" if dry_run(policy) else ""
        name = f"{policy.name}.{policy.namespace}"
        rows.append((f"{action}{trial}", name, str(len(policy.message.rules)), str(policy.origin)))
    if rows:
        show(terminal(), ("ACTION", "POLICY", "RULES", "FROM"), rows)
    else:
        click.echo("no AuthorizationPolicy is in force: everything is allowed")


@authz.command()
@about
@click.option("--method", "-X", default="GET", show_default=True, help="Its method.")
@click.option("--path", default="/", show_default=True, help="Its path.")
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
@click.option("--from", "origin", default="client", show_default=True, help="Who sends it in the lab.")
@click.option("--fire/--no-fire", default=True, help="Send it to the real Envoy of the lab, if that runs.")
def why(workload: str, config: tuple[Path, ...], state: Path | None, **given: Any) -> None:
    """Which policy and rule decide one request.

    Prints what happens to the request that would come to WORKLOAD.

    In a running lab the request is sent as well, from the workload --from: its identity and address count
    there, not --source. A token to send goes into -H authorization:..., its claims into --claims.
    """
    found, request = loaded(workload, config, state), asked(given)
    console = terminal()
    way = None if config or not given["fire"] else the_shot(workload, state, given)
    if way is not None:
        request = way.seen(request)
    verdict = found.verdict(request, given["tcp"])
    console.print(f"{verdict.action}: {verdict.reason}")
    for line in details(verdict):
        console.print(f"  {line}", markup=False)
    if way is not None:
        answer = proof(way, request, verdict, given["tcp"])
        said = f"{answer.status or 'connection'}, {answer.details}"
        console.print(f"the Envoy of {way.target.key}, asked by {way.origin.key}: {said}", markup=False)
        if not agree(verdict, answer):
            raise click.ClickException("Envoy has decided otherwise")
        console.print("both agree")


def the_shot(workload: str, state: Path | None, given: dict[str, Any]) -> Shot | None:
    """How to send the request in the lab; None when none runs."""
    lab = the_lab(state)
    if not lab.state.alive():
        return None
    try:
        return shot(lab, given["origin"], workload, given["port"])
    except CannotFire as fault:
        raise click.ClickException(f"{fault}; --no-fire only reads the configuration") from None


def proof(way: Shot, request: Asked, verdict: Verdict, tcp: bool) -> Answer:
    """What the real Envoy does. It is asked again while it does otherwise, for so long as connections that
    were opened under older policies may live.
    """
    end = time.monotonic() + SECONDS_TO_DRAIN
    try:
        answer = way.fired(request, tcp)
        while not agree(verdict, answer) and time.monotonic() < end:
            answer = way.fired(request, tcp)
    except CannotFire as fault:
        raise click.ClickException(str(fault)) from None
    return answer


def agree(verdict: Verdict, answer: Answer) -> bool:
    """Whether Envoy has decided as the verdict says, by the same rule. A provider may refuse before us."""
    if answer.details.startswith("ext_authz"):
        return bool(verdict.asks)
    refused = "rbac_access_denied_matched_policy["
    if verdict.action == "allowed":
        return refused not in answer.details and "jwt_authn" not in answer.details
    return f"{refused}{verdict.by.name if verdict.by else 'none'}]" in answer.details


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


def loaded(workload: str, config: tuple[Path, ...], state: Path | None) -> Authorization:
    """The policies on a workload of the configuration in these files, or of the lab's."""
    try:
        return authorization(ConfigFiles(config or lab_files(state)).load(), workload)
    except NoWorkload as fault:
        raise click.ClickException(str(fault)) from None


def lab_files(state: Path | None) -> tuple[Path, ...]:
    """What the control plane of the lab reads."""
    lab = the_lab(state).state
    if not lab.config.exists():
        raise click.UsageError("there is no lab: say with --config which files to read")
    return lab.config, lab.reported
