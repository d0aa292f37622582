"""The command line: one table of the commands, each in a module of its own, imported when used."""

from __future__ import annotations

import importlib
from typing import Any

import click

from miniistiod.cli.elsewhere import Helpful

COMMANDS = {
    "serve": ("serve:serve", "Serve a mesh's configuration to Envoys."),
    "lab": ("lab:lab", "Run Bookinfo and other workloads on real Envoys here."),
    "apply": ("apply:apply", "Write objects to the lab."),
    "delete": ("apply:delete", "Remove objects from the lab."),
    "get": ("apply:get", "Show the lab's objects."),
    "proxy-status": ("proxy_status:proxy_status", "Tell how far each Envoy is, and what it refused."),
    "proxy-config": ("proxy_config:proxy_config", "Show what one Envoy was given."),
    "xds": ("xds:xds", "Watch xDS message by message; serve resources of one's own."),
    "translate": ("translate:translate", "Turn YAML into Envoy resources, without a server."),
    "validate": ("validate:validate", "Tell whether documents would be admitted."),
    "analyze": ("analyze:analyze", "Tell what is wrong or odd in a whole configuration."),
    "bootstrap": ("bootstrap:bootstrap", "Print the bootstrap of a stock Envoy."),
    "authz": ("authz:authz", "Tell why a request is allowed or denied."),
    "routes": ("routes:routes", "Tell which rule takes a request."),
    "token": ("token:token", "Mint JSON web tokens and key sets."),
    "doctor": ("doctor:doctor", "Look for what is missing on this machine."),
    "version": ("version:version", "Print versions: our own, Envoy's, its API's."),
}
"""Command name → "module:function" below this package, and a line of help."""

ALIASES = {"ps": "proxy-status", "pc": "proxy-config"}
"""istioctl's short forms."""


class Commands(Helpful):
    """A group that imports a command only when it is called, so that `--help` and completion stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        target, _ = COMMANDS.get(ALIASES.get(cmd_name, cmd_name), ("", ""))
        if not target:
            return None
        module, _, function = target.partition(":")
        command: Any = getattr(importlib.import_module(f"miniistiod.cli.{module}"), function)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "MINIISTIOD"},
)
@click.version_option(package_name="miniistiod", message="%(version)s")
def main() -> None:
    """mini-istiod: Istio YAML in, real Envoys that obey it. No Kubernetes needed."""
