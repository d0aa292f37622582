"""Words of kubectl and istioctl that are no commands here → what to type instead."""

from __future__ import annotations

import difflib

import click

DESCRIBE = (
    "ask what takes a request (miniistiod routes HOST PATH --from WORKLOAD), what is in force on a workload "
    "(miniistiod authz check WORKLOAD), and what an Envoy was given (miniistiod proxy-config all PROXY)"
)
NO_CLUSTER = "there is no cluster to install into; a lab has everything: miniistiod lab up"

INSTEAD = {
    "describe": DESCRIBE,
    "explain": DESCRIBE,
    "experimental": f"there are no experimental commands; instead of `describe`, {DESCRIBE}",
    "create": "write objects with: miniistiod apply -f FILE",
    "replace": "write objects with: miniistiod apply -f FILE",
    "edit": "change the file, then: miniistiod apply -f FILE (miniistiod get KIND NAME -o yaml prints it)",
    "exec": "miniistiod lab exec WORKLOAD -- COMMAND",
    "logs": "miniistiod lab logs WORKLOAD (-c istio-proxy is its Envoy)",
    "port-forward": "`lab status` shows what localhost reaches; inside: miniistiod lab exec NAME -- curl",
    "up": "miniistiod lab up",
    "down": "miniistiod lab down",
    "status": "miniistiod lab status, or miniistiod proxy-status",
    "install": NO_CLUSTER,
    "uninstall": NO_CLUSTER,
    "manifest": NO_CLUSTER,
    "kube-inject": "a lab gives every workload its sidecar, unless a label sidecar.istio.io/inject says no",
    "dashboard": "miniistiod proxy-config all PROXY, or lab exec PROXY -- curl -s localhost:15000/help",
    "kubectl": "leave the word out: miniistiod get vs",
    "istioctl": "leave the word out: miniistiod proxy-status",
    "ztunnel-config": "there is no ambient mode here; sidecars: miniistiod proxy-config all PROXY",
    "waypoint": "there is no ambient mode here",
    "completion": 'type: eval "$(_MINIISTIOD_COMPLETE=bash_source miniistiod)"',
}
SAME = {"x": "experimental", "dash": "dashboard", "bug-report": "logs", "rollout": "status", "top": "status"}


class Helpful(click.Group):
    """A group that says what to type in the place of a command that it has not."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if self.get_command(ctx, word) is None and not word.startswith("-"):
            raise click.UsageError(f"there is no command {word!r}. {self.instead(ctx, word)}", ctx)
        return super().resolve_command(ctx, args)

    def instead(self, ctx: click.Context, word: str) -> str:
        """What to type: a known substitute, a command spelt alike, or the list of commands."""
        known = self.list_commands(ctx)
        told = INSTEAD.get(SAME.get(word, word)) if ctx.parent is None else None
        close = difflib.get_close_matches(word, known, 1)
        if told is None and close:
            return f"Did you mean {close[0]}?"
        return f"Instead: {told}" if told else f"There are: {', '.join(known)}"
