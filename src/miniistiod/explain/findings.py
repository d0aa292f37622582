"""Everything that is wrong with gateways, Istio's own and those of the Gateway API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object
from miniistiod.explain.gateway_api_findings import gateway_api_findings
from miniistiod.explain.gateway_findings import gateway_findings
from miniistiod.mesh.mesh import Mesh


def edge_findings(known: Mapping[str, tuple[Object[Any], ...]], mesh: Mesh) -> tuple[Diagnostic, ...]:
    """All of them; `known` are the objects the mesh was made from, by their kind."""
    return (
        *gateway_findings(known, mesh),
        *gateway_api_findings(known, mesh),
    )
