"""`miniistiod proxy-config`: what one Envoy was given, in istioctl's tables or as Envoy's own JSON."""

from __future__ import annotations

import json
from typing import Any

import click
import yaml
from rich.table import Table

from miniistiod.cli import resource_rows
from miniistiod.cli.pages import address_option, page
from miniistiod.cli.proxy_status import names
from miniistiod.cli.resource_rows import Json, Rows
from miniistiod.cli.tables import terminal

KINDS: dict[str, tuple[str, str, Rows]] = {
    "clusters": ("Clusters", "dynamicActiveClusters", resource_rows.CLUSTERS),
    "listeners": ("Listeners", "dynamicListeners", resource_rows.LISTENERS),
    "routes": ("Routes", "dynamicRouteConfigs", resource_rows.ROUTES),
    "endpoints": ("Endpoints", "dynamicEndpointConfigs", resource_rows.ENDPOINTS),
    "secrets": ("Secrets", "dynamicActiveSecrets", resource_rows.SECRETS),
}
"""What one may ask for → section of the dump, its list, and its table."""

SINGULAR = {
    "cluster": "clusters",
    "listener": "listeners",
    "route": "routes",
    "endpoint": "endpoints",
    "secret": "secrets",
}


@click.command()
@click.argument("kind", metavar="[" + "|".join((*KINDS, "all")) + "]")
@click.argument("proxy")
@click.option(
    "-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", help="How to print it."
)
@click.option("--name", help="Only resources whose name has this in it.")
@address_option
def proxy_config(kind: str, proxy: str, output: str, name: str | None, http_address: str | None) -> None:
    """Show what PROXY (NAME.NAMESPACE, or the beginning of it) was given."""
    kind = SINGULAR.get(kind, kind)
    if kind not in (*KINDS, "all"):
        raise click.BadParameter(f"{kind!r} is none of {', '.join((*KINDS, 'all'))}", param_hint="KIND")
    dump = page(http_address, "/debug/config_dump", proxyID=connected(proxy, http_address))
    wanted = {k: resources(dump, k, name) for k in (KINDS if kind == "all" else (kind,))}
    if output == "table":
        if "routes" in wanted:
            clusters = {named(cluster) for cluster in resources(dump, "clusters", None)}
            wanted["routes"] = [resource_rows.with_missing(table, clusters) for table in wanted["routes"]]
        for which, found in wanted.items():
            printed(which, found, titled=kind == "all")
        return
    shown: Any = wanted if kind == "all" else wanted[kind]
    click.echo(
        json.dumps(shown, indent=2) if output == "json" else yaml.safe_dump(shown, sort_keys=False),
        nl=output == "json",
    )


def connected(proxy: str, address: str | None) -> str:
    """The node id of the one connected proxy that the user means."""
    ids = {row["proxy"] for row in page(address, "/debug/syncz")}
    found = sorted(each for each in ids if names({"proxy": each}, proxy))
    if len(found) == 1:
        return str(found[0])
    short = ", ".join(sorted(each.split("~")[2] for each in (found or ids))) or "none"
    raise click.ClickException(
        f"{proxy!r} names {len(found)} proxies; "
        + ("it may be one of" if found else "connected are")
        + f": {short}"
    )


def resources(dump: Json, kind: str, name: str | None) -> list[Json]:
    """The resources of a kind, out of the dump's wrapping."""
    section, field, _ = KINDS[kind]
    for config in dump["configs"]:
        if config["@type"].endswith(f".{section}ConfigDump"):
            found = [unwrapped(entry) for entry in config.get(field, [])]
            return [each for each in found if name is None or name in named(each)]
    return []


def unwrapped(entry: Json) -> Json:
    """The resource itself, with what it was made from."""
    inner = entry.get("activeState", entry)
    body = next(v for k, v in inner.items() if isinstance(v, dict))
    return {**body, "origins": inner["origins"]} if inner.get("origins") else body


def named(resource: Json) -> str:
    """The name of a resource; that of an endpoint set is its cluster's."""
    return str(resource.get("name") or resource.get("clusterName") or "")


def printed(kind: str, found: list[Json], titled: bool) -> None:
    """istioctl's table."""
    rows = KINDS[kind][2]
    table = Table(*rows.titles, box=None, title=kind if titled else None, title_justify="left")
    for each in found:
        for cells in rows.cells(each):
            table.add_row(*cells)
    terminal().print(table)
