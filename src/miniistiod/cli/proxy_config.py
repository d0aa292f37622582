"""`miniistiod proxy-config`: what one Envoy was given, in istioctl's tables or as Envoy's own JSON."""

from __future__ import annotations

from typing import Any

import click

from miniistiod.cli import resource_rows
from miniistiod.cli.output import printed
from miniistiod.cli.pages import address_option, page
from miniistiod.cli.proxy_status import names, short, unknown
from miniistiod.cli.resource_rows import Json, Rows
from miniistiod.cli.tables import show, terminal

KINDS: dict[str, tuple[str, str, Rows]] = {
    "clusters": ("Clusters", "dynamicActiveClusters", resource_rows.CLUSTERS),
    "listeners": ("Listeners", "dynamicListeners", resource_rows.LISTENERS),
    "routes": ("Routes", "dynamicRouteConfigs", resource_rows.ROUTES),
    "endpoints": ("Endpoints", "dynamicEndpointConfigs", resource_rows.ENDPOINTS),
    "secrets": ("Secrets", "dynamicActiveSecrets", resource_rows.SECRETS),
    "ecds": ("Ecds", "ecdsFilters", resource_rows.EXTENSIONS),
}
"""What one may ask for → section of the dump, its list, and its table."""

SHORT = {
    **dict.fromkeys(("cluster", "c"), "clusters"),
    **dict.fromkeys(("listener", "l"), "listeners"),
    **dict.fromkeys(("route", "r"), "routes"),
    **dict.fromkeys(("endpoint", "ep", "e"), "endpoints"),
    **dict.fromkeys(("secret", "s"), "secrets"),
    **dict.fromkeys(("ec",), "ecds"),
    **dict.fromkeys(("a",), "all"),
}
"""istioctl's other words for them."""


@click.command()
@click.argument("kind", metavar="[" + "|".join((*KINDS, "all")) + "]")
@click.argument("proxy")
@click.option(
    "-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", help="How to print it."
)
@click.option("--name", "--cluster", "name", help="Only resources whose name has this in it.")
@click.option("--fqdn", help="Only clusters and endpoints of this host.")
@click.option("--subset", help="Only clusters and endpoints of this subset.")
@click.option("--direction", type=click.Choice(["inbound", "outbound"]), help="Only clusters of this one.")
@click.option("--port", help="Only clusters, endpoints and listeners of this port.")
@click.option("-n", "--namespace", help="The namespace of PROXY.")
@address_option
def proxy_config(
    kind: str,
    proxy: str,
    output: str,
    name: str | None,
    namespace: str | None,
    http_address: str | None,
    **facets: str | None,
) -> None:
    """Show what PROXY (NAME.NAMESPACE, or the beginning of it) was given."""
    kind = SHORT.get(kind, kind)
    if kind not in (*KINDS, "all"):
        raise click.BadParameter(unoffered(kind, proxy), param_hint="KIND")
    dump = page(http_address, "/debug/config_dump", proxyID=connected(proxy, namespace, http_address))
    sought = {facet: value for facet, value in facets.items() if value is not None}
    wanted = {
        k: [each for each in resources(dump, k) if (name or "") in named(each) and has(each, sought)]
        for k in (KINDS if kind == "all" else (kind,))
    }
    if output == "table":
        if "routes" in wanted:
            clusters = {named(cluster) for cluster in resources(dump, "clusters")}
            wanted["routes"] = [resource_rows.with_missing(table, clusters) for table in wanted["routes"]]
        for which, found in wanted.items():
            tabled(which, found, titled=kind == "all")
        return
    shown: Any = wanted if kind == "all" else wanted[kind]
    printed(shown, output)


def unoffered(kind: str, proxy: str) -> str:
    """What to say of a kind that is not shown here."""
    return (
        f"{kind!r} is none of {', '.join((*KINDS, 'all'))}; Envoy's own pages show everything: "
        f"miniistiod lab exec {proxy} -- curl -s localhost:15000/help"
    )


def connected(proxy: str, namespace: str | None, address: str | None) -> str:
    """The node id of the one connected proxy that the user means."""
    rows = page(address, "/debug/syncz")
    within = f".{namespace}" if namespace else ""
    meant = [row for row in rows if names(row, proxy) and short(row).endswith(within)]
    ids = sorted({row["proxy"] for row in meant})
    if not ids:
        raise click.ClickException(unknown(proxy, rows))
    if len(ids) > 1:
        several = ", ".join(sorted({short(row) for row in meant}))
        raise click.ClickException(f"{proxy} may be one of {several}")
    return str(ids[0])


def has(resource: Json, sought: dict[str, str]) -> bool:
    """Whether a resource is of this host, subset, direction and port, as far as they are asked for."""
    socket = resource.get("address", {}).get("socketAddress", {})
    known = {"port": str(socket["portValue"])} if "portValue" in socket else {}
    parts = named(resource).split("|")
    if len(parts) == 4:
        known = dict(zip(("direction", "port", "subset", "fqdn"), parts, strict=True))
    return all(known.get(facet) == value for facet, value in sought.items())


def resources(dump: Json, kind: str) -> list[Json]:
    """The resources of a kind, out of the dump's wrapping."""
    section, field, _ = KINDS[kind]
    for config in dump["configs"]:
        if config["@type"].endswith(f".{section}ConfigDump"):
            awaited = config.get("dynamicWarmingSecrets", [])
            return [unwrapped(entry) for entry in [*config.get(field, []), *awaited]]
    return []


def unwrapped(entry: Json) -> Json:
    """The resource itself, with what it was made from."""
    inner = entry.get("activeState", entry)
    body = next(v for k, v in inner.items() if isinstance(v, dict))
    return {**body, "origins": inner["origins"]} if inner.get("origins") else body


def named(resource: Json) -> str:
    """The name of a resource; that of an endpoint set is its cluster's."""
    return str(resource.get("name") or resource.get("clusterName") or "")


def tabled(kind: str, found: list[Json], titled: bool) -> None:
    """istioctl's table; below a title and above an empty line when it is one of several."""
    rows, console = KINDS[kind][2], terminal()
    if titled:
        console.print(f"[italic]{kind}[/]")
    show(console, rows.titles, [cells for each in found for cells in rows.cells(each)])
    if titled:
        console.print()
