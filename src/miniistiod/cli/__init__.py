"""The command line: one table of the commands, each in a module of its own, imported when used."""

from __future__ import annotations

import importlib
from typing import Any

import click

COMMANDS = {
    "serve": "serve:serve",
    "lab": "lab:lab",
    "apply": "apply:apply",
    "delete": "apply:delete",
    "get": "apply:get",
    "proxy-status": "proxy_status:proxy_status",
    "proxy-config": "proxy_config:proxy_config",
    "translate": "translate:translate",
    "validate": "validate:validate",
    "analyze": "analyze:analyze",
    "bootstrap": "bootstrap:bootstrap",
    "authz": "authz:authz",
    "routes": "routes:routes",
    "token": "token:token",
    "doctor": "doctor:doctor",
    "version": "version:version",
}
"""Command name → "module:function" below this package."""

ALIASES = {"ps": "proxy-status", "pc": "proxy-config"}
"""istioctl's short forms."""


class Commands(click.Group):
    """A group that imports a command only when it is called, so that `--help` and completion stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target = COMMANDS.get(ALIASES.get(cmd_name, cmd_name))
        if target is None:
            return None
        module, _, function = target.partition(":")
        command: Any = getattr(importlib.import_module(f"miniistiod.cli.{module}"), function)
        return command if isinstance(command, click.Command) else None


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "MINIISTIOD"},
)
def main() -> None:
    """mini-istiod: Istio YAML in, real Envoys that obey it. No Kubernetes needed."""
