"""`miniistiod serve`: the control plane, until a signal ends it. Flags, environment or file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import yaml

from miniistiod.app import settings as defaults
from miniistiod.app.settings import Settings
from miniistiod.cli.security_options import security_options
from miniistiod.server import logs


def options_of_file(ctx: click.Context, _: click.Parameter, path: Path | None) -> Path | None:
    """A YAML file whose keys are the options' names, `grpc-address: ...`; flags and the environment win."""
    if path is None:
        return None
    given = yaml.safe_load(path.read_text()) or {}
    known = {p.name: p.opts[0].lstrip("-") for p in ctx.command.params if p.name}
    unknown = [key for key in given if key.replace("-", "_") not in known]
    if unknown:
        raise click.BadParameter(
            f"{path}: unknown {', '.join(unknown)}; known are {', '.join(known.values())}"
        )
    ctx.default_map = {**(ctx.default_map or {}), **{k.replace("-", "_"): v for k, v in given.items()}}
    return path


Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def address(name: str, default: str, what: str) -> Callable[[Decorated], Decorated]:
    """The option for one address."""
    variable = f"MINIISTIOD_{name.upper().replace('-', '_')}"
    told = f"{what} Empty switches it off."
    return click.option(
        f"--{name}", default=default, show_default=True, metavar="HOST:PORT", envvar=variable, help=told
    )


@click.command()
@click.option(
    "--settings",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    is_eager=True,
    callback=options_of_file,
    expose_value=False,
    envvar="MINIISTIOD_SETTINGS",
    help="A YAML file with these options.",
)
@click.option(
    "--config",
    "-c",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    envvar="MINIISTIOD_CONFIG",
    help="File or folder of YAML or JSON; may be given several times.",
)
@address("grpc-address", defaults.GRPC, "xDS in plaintext.")
@address("secure-grpc-address", defaults.SECURE_GRPC, "xDS, SDS and certificates over TLS.")
@address("http-address", defaults.HTTP, "Readiness and debug pages.")
@address("monitoring-address", defaults.MONITORING, "Metrics for Prometheus.")
@security_options
@click.option(
    "--log-format",
    type=click.Choice(logs.FORMATS),
    default="auto",
    show_default=True,
    envvar="MINIISTIOD_LOG_FORMAT",
    help="How to log; auto asks whether a terminal reads it.",
)
@click.option(
    "--log-level",
    type=click.Choice(logs.LEVELS),
    default="info",
    show_default=True,
    envvar="MINIISTIOD_LOG_LEVEL",
    help="From which level on to log.",
)
def serve(config: tuple[Path, ...], log_format: str, log_level: str, **addresses: Any) -> None:
    """Serve the mesh of the given configuration to Envoys, and follow its files."""
    from miniistiod.app.control_plane import ControlPlane

    logs.configured(log_format, log_level)
    try:
        environment = tuple(sorted(os.environ.items()))
        asyncio.run(_serve(ControlPlane, Settings(config, environment=environment, **addresses)))
    except (FileNotFoundError, RuntimeError, ValueError) as fault:
        raise click.ClickException(str(fault)) from None


async def _serve(control_plane: Any, settings: Settings) -> None:
    await control_plane(settings).run()
