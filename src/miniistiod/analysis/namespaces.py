"""Namespaces whose labels do not say, or say twice, whether their workloads get a sidecar."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from miniistiod.analysis.message import INFO, WARNING, message
from miniistiod.analysis.world import World
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.mesh_config import ROOT_NAMESPACE

INJECTION, REVISION, DATAPLANE = "istio-injection", "istio.io/rev", "istio.io/dataplane-mode"


def analyser(world: World) -> Iterator[Diagnostic]:
    """Both mistakes; Istio's own namespace has no sidecars."""
    for one in world.of("Namespace"):
        if one.name in (ROOT_NAMESPACE, world.mesh.settings.root_namespace):
            continue
        said = [label for label in (INJECTION, REVISION, DATAPLANE) if label in one.labels]
        if len(said) > 1 and one.labels.get(INJECTION, "enabled") == "enabled":
            yield message(
                WARNING,
                "IST0123",
                one,
                "metadata.labels",
                f"the labels {' and '.join(said)} all say which proxy the workloads get",
                "it is not defined which of them is obeyed: Pods may come up without a sidecar",
                "keep one of them",
            )
        if is_silent(one.labels):
            yield message(
                INFO,
                "IST0102",
                one,
                "metadata.name",
                f"namespace {one.name} does not say whether its workloads get a sidecar",
                "they get none: no mutual TLS from them, and rules for clients have no effect there",
                "add the label istio-injection: enabled, or disabled to say that it is meant so",
            )


def is_silent(labels: Mapping[str, str]) -> bool:
    """Whether no label says anything of proxies."""
    return not labels.get(INJECTION) and REVISION not in labels and labels.get(DATAPLANE) != "ambient"
