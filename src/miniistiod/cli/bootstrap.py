"""`miniistiod bootstrap`: the bootstrap of an Envoy, for labs and machines of one's own."""

from __future__ import annotations

import json

import click
import yaml


@click.command()
@click.option("--name", required=True, help="Name of the workload.")
@click.option("--namespace", "-n", default="default", show_default=True, help="Its namespace.")
@click.option("--address", required=True, help="Its IP address, as others reach it.")
@click.option(
    "--label", "-l", "labels", multiple=True, metavar="KEY=VALUE", help="A label; may be given several times."
)
@click.option("--service-account", default="default", show_default=True, help="Its service account.")
@click.option("--owner", default="", help="Name of its Deployment; the workload's own by default.")
@click.option(
    "--kind",
    type=click.Choice(["sidecar", "router"]),
    default="sidecar",
    show_default=True,
    help="A sidecar, or a gateway.",
)
@click.option(
    "--discovery",
    default="istiod.istio-system.svc:15012",
    show_default=True,
    metavar="HOST:PORT",
    help="Where mini-istiod listens.",
)
@click.option(
    "--root-certificate",
    default="",
    help="File with the root that mini-istiod's certificate comes from; without it plaintext.",
)
@click.option("--token-secret", default="", help="File with the token, in the form that `lab` writes.")
@click.option(
    "--mark", default=1337, show_default=True, help="Socket mark of Envoy's own connections; 0 for none."
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["json", "yaml"]),
    default="json",
    show_default=True,
    help="How to print it.",
)
def bootstrap(
    name: str,
    namespace: str,
    address: str,
    labels: tuple[str, ...],
    service_account: str,
    owner: str,
    kind: str,
    discovery: str,
    root_certificate: str,
    token_secret: str,
    mark: int,
    output: str,
) -> None:
    """Print the bootstrap with which a stock Envoy takes its configuration from mini-istiod."""
    from miniistiod.proxy import bootstrap as made
    from miniistiod.proxy.bootstrap_statics import Discovery

    if wrong := [label for label in labels if "=" not in label]:
        raise click.BadParameter(f"{wrong[0]!r} is not KEY=VALUE", param_hint="--label")
    host, _, port = discovery.rpartition(":")
    if not host or not port.isdigit():
        raise click.BadParameter(f"{discovery!r} is not HOST:PORT", param_hint="--discovery")
    workload = made.Workload(
        name,
        namespace,
        address,
        labels=dict(label.split("=", 1) for label in labels),
        service_account=service_account,
        owner=owner,
        kind=kind,
    )
    where = Discovery(host, int(port), root_certificate, token_secret)
    text = made.as_json(made.bootstrap(workload, where, mark=mark))
    click.echo(text if output == "json" else yaml.safe_dump(json.loads(text), sort_keys=False))
