"""`miniistiod xds watch` and `xds serve`: the protocol message by message, and resources of one's own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import httpx
from rich.console import Console

from miniistiod.app import settings
from miniistiod.cli.elsewhere import Helpful
from miniistiod.cli.pages import address_option, no_answer, pages_of
from miniistiod.cli.tables import terminal

Event = dict[str, Any]
TYPES = ("CDS", "EDS", "LDS", "RDS", "SDS", "ECDS")
STYLE = {"ACK": "green", "NACK": "bold red", "STALE": "yellow"}


@click.group(cls=Helpful)
def xds() -> None:
    """Watch xDS message by message, and serve Envoy resources of your own."""


@xds.command()
@click.argument("proxy", default="")
@click.option("--type", "types", multiple=True, type=click.Choice(TYPES, case_sensitive=False),
              help="Only messages of this type; may be given several times.")  # fmt: skip
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="How to print it.")
@address_option
def watch(proxy: str, types: tuple[str, ...], output: str, http_address: str | None) -> None:
    """Show the conversation with PROXY as it happens.

    Every request and response of the Envoy called PROXY (NAME or NAME.NAMESPACE; all when none is named; it
    may connect later), with nonces, versions, names, sizes, ACK and NACK, what is subscribed to, and which
    documents a push is made from that it was not made from before. Never the content of a resource. Ctrl-C
    ends it.
    """
    console = terminal()
    try:
        for event in events(http_address, proxy, types):
            if output == "json":
                click.echo(json.dumps(event))
            else:
                told(console, event)
    except KeyboardInterrupt:
        click.echo(err=True)


def events(address: str | None, proxy: str, types: tuple[str, ...]) -> Iterator[Event]:
    """The events of the control plane, as they come. ClickException when there is none."""
    where = pages_of(address)
    query = {"proxyID": proxy, "types": ",".join(types)}
    try:
        with httpx.stream("GET", f"http://{where}/debug/watch", params=query, timeout=None) as answer:
            for line in answer.iter_lines():
                yield json.loads(line)
    except httpx.ConnectError as error:
        raise no_answer(where, error) from None
    except httpx.HTTPError as error:
        raise click.ClickException(f"the control plane at {where} has ended: {error}") from None


def told(console: Console, event: Event) -> None:
    """One event for people: who, what, and below it the resources with the reason of each."""
    clock = event["time"].partition("T")[2][:12]
    head = f"[dim]{clock}[/] {event.get('proxy', '')}"
    body = {"request": request, "response": response, "is connected": standing}.get(event["event"], other)(
        event
    )
    first, *rest = body
    console.print(f"{head} {first}")
    for line in rest:
        console.print(f"      {line}", markup=False)


def request(event: Event) -> list[str]:
    """→ from Envoy."""
    answer = event.get("answer", "")
    words = [f"→ [cyan]{event['type']}[/] request"]
    if answer:
        words.append(f"[{STYLE[answer]}]{answer}[/] of {event['nonce']}")
    said = [*named("subscribes to", event), *named("unsubscribes from", event)]
    return [" ".join(words), *said, *([f"because {event['error']}"] if "error" in event else [])]


def named(words: str, event: Event) -> list[str]:
    """The names that a request adds or drops."""
    names = event.get(words.partition("s ")[0], [])
    return [f"{words} {', '.join(names)}"] if names else []


def response(event: Event) -> list[str]:
    """← to Envoy."""
    found = event["resources"]
    words = f"← [cyan]{event['type']}[/] response {event['nonce']}, version {event['version']}"
    return [f"{words}: {len(found)} resources, {event['bytes']} bytes", *(resource(each) for each in found)]


def resource(each: Event) -> str:
    """A resource of a response: its name, why it is told, its size, and the documents that did it."""
    size = f", {each['bytes']} bytes, version {each['version']}" if "version" in each else ""
    because = [f"from {document}" for document in each.get("because", ())]
    because += [f"no more from {document}" for document in each.get("lost", ())]
    if each["why"] == "changed" and not because:
        because = ["by workloads, certificates or keys; all documents are the same"]
    return "\n          ".join([f"{each['name']}: {each['why']}{size}", *because])


def standing(event: Event) -> list[str]:
    """How far an Envoy is when the watch begins."""
    lines = [
        f"{kind} {state['status']}, subscribed to {', '.join(state['names'][:3]) or 'nothing'}"
        + (f" and {len(state['names']) - 3} more" if len(state["names"]) > 3 else "")
        for kind, state in event["types"].items()
    ]
    return [f"is connected by stream {event['stream']}", *lines]


def other(event: Event) -> list[str]:
    """The beginning of the watch, the beginning and end of a stream, messages that were lost."""
    if event["event"] == "watching":
        return [f"[dim]watching; {event['streams'] or 'no'} streams are open[/]"]
    if event["event"] == "lost":
        return [f"[red]{event['count']} messages were not read in time[/]"]
    return [f"[bold]{event['event']}[/] by stream {event['stream']} ({event['protocol']})"]


@xds.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--grpc-address", default=settings.GRPC, show_default=True, metavar="HOST:PORT", help="xDS in plaintext."
)
@click.option(
    "--http-address", default=settings.HTTP, show_default=True, metavar="HOST:PORT", help="Debug pages."
)
def serve(file: Path, grpc_address: str, http_address: str) -> None:
    """Serve the Envoy resources of FILE to every client.

    FILE has the form of Envoy's own files: a list under `resources`, each with "@type". It is followed as it
    changes; a mistake in it is told, and what was right before keeps being served.
    """
    from miniistiod.app.raw_server import served

    try:
        asyncio.run(served(file, grpc_address, http_address))
    except (OSError, RuntimeError, ValueError) as fault:
        raise click.ClickException(str(fault)) from None
