"""A container's image → the program that plays it on this machine.

Bookinfo's, httpbin's and curl's own images are known by name, so that their original YAML runs unchanged; a
container with a `command` runs just that, from this machine's PATH. Any other image that serves a port is
played by a stand-in, so that rules can be tried with the Deployments of one's own project.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from miniistiod.lab.description import Container

IMAGES = (
    (r"examples-bookinfo-productpage-v\d+", ("productpage",)),
    (r"examples-bookinfo-details-v\d+", ("details",)),
    (r"examples-bookinfo-ratings-v\d+", ("ratings",)),
    (r"examples-bookinfo-reviews-(v\d+)", ("reviews", r"\1")),
    (r"(?:go-)?httpbin", ("httpbin",)),
    (r"(?:examples-)?(?:tcp-echo-server|tcp-echo)", ("tcp-echo",)),
    (r"ext-authz", ("authorizer",)),
    (r"curl", ("client",)),
    (r"mini-istiod-app", ()),
)
"""Name of an image without registry and tag → the role and version it plays. Ours is told by args."""

STAND_IN = ("stand-in",)


def played(container: Container) -> tuple[str, ...]:
    """The arguments of `python -m miniistiod.lab.apps` for a container; () when it has its own command."""
    name = container.image.rpartition("/")[2].partition("@")[0].partition(":")[0]
    for pattern, role in IMAGES:
        if match := re.fullmatch(pattern, name):
            return tuple(match.expand(word) for word in role) or container.args
    return STAND_IN if container.ports and not container.command and container.image != "auto" else ()


def command_of(container: Container, inspect: Path) -> tuple[str, ...]:
    """The command line of a container; () when nobody here can play it. `inspect` is its inspector."""
    role = played(container)
    if role and (role[0] == "client" or not container.command):
        return (
            sys.executable,
            "-m",
            "miniistiod.lab.apps",
            *role,
            *port(container, role),
            "--inspect",
            str(inspect),
        )
    return (*container.command, *container.args)


def port(container: Container, role: tuple[str, ...]) -> Iterator[str]:
    """The option with the container's own port, when it names one and its arguments do not; a stand-in serves
    all of them."""
    if container.ports and "--port" not in role and role[0] != "client":
        for each in container.ports if role == STAND_IN else container.ports[:1]:
            yield from ("--port", str(each.number))
