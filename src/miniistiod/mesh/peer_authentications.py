"""Which mode of mutual TLS is in force: the workload's policy beats the namespace's, which beats the mesh's.

At each level the oldest policy counts; UNSET takes the mode of the level above; PERMISSIVE when nobody says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from miniistiod.config.objects import Object
from miniistiod.mesh.policies import PolicyIndex


@dataclass(frozen=True, slots=True, eq=False)
class PeerAuthenticationIndex:
    """All PeerAuthentications, and the modes of the mesh and of each namespace as their clients expect them."""

    policies: PolicyIndex[Any]
    mesh_mode: str
    namespace_modes: Mapping[str, str]

    def namespace_mode(self, namespace: str) -> str:
        """"STRICT", "PERMISSIVE", "DISABLE", or "" when neither the namespace nor the mesh has a policy."""
        return self.namespace_modes.get(namespace, self.mesh_mode)

    def of_workload(self, namespace: str, labels: Mapping[str, str]) -> tuple[Object[Any], ...]:
        """The policies that count for a workload, from the mesh's to the workload's own: at most one of each level."""
        raise NotImplementedError
