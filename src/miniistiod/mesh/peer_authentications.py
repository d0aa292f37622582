"""Which mode of mutual TLS is in force: the workload's policy beats the namespace's, which beats the mesh's.

At each level the oldest policy counts; UNSET takes the mode of the level above; PERMISSIVE when nobody says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from miniistiod.api.istio.security.peer_authentication_pb2 import PeerAuthentication
from miniistiod.config.objects import Object
from miniistiod.mesh.kept import kept
from miniistiod.mesh.policies import PolicyIndex, policy_index

Document = Object[PeerAuthentication]
PERMISSIVE = "PERMISSIVE"


@dataclass(frozen=True, slots=True, eq=False)
class PeerAuthenticationIndex:
    """The policies that count: of those without a selector only the oldest of each namespace.

    `mesh_mode` and `namespace_modes` are what clients expect of a service, "" where nobody says. `overruled`
    are the others.
    """

    policies: PolicyIndex[PeerAuthentication]
    mesh_mode: str
    namespace_modes: Mapping[str, str]
    overruled: tuple[Document, ...] = ()

    def namespace_mode(self, namespace: str) -> str:
        """ "STRICT", "PERMISSIVE", "DISABLE", or "" when neither the namespace nor the mesh has a policy."""
        return self.namespace_modes.get(namespace, self.mesh_mode)

    def of_workload(self, namespace: str, labels: Mapping[str, str]) -> tuple[Document, ...]:
        """The policies that apply to a workload, oldest first: the root namespace's, then its own
        namespace's.

        Of those with a selector the first counts, as at the other levels.
        """
        return self.policies.of_workload(namespace, labels)


@kept
def peer_authentication_index(
    documents: tuple[Document, ...], root_namespace: str
) -> PeerAuthenticationIndex:
    """The index of these policies, which come oldest first."""
    wide: dict[str, Document] = {}
    counted: list[Document] = []
    overruled: list[Document] = []
    for each in documents:
        if is_wide(each.message) and wide.setdefault(each.namespace, each) is not each:
            overruled.append(each)
        else:
            counted.append(each)
    mesh_wide = wide.pop(root_namespace, None)
    mesh_mode = "" if mesh_wide is None else mode(mesh_wide.message.mtls.mode) or PERMISSIVE
    modes = {ns: mode(each.message.mtls.mode) or mesh_mode or PERMISSIVE for ns, each in wide.items()}
    return PeerAuthenticationIndex(policy_index(counted, root_namespace), mesh_mode, modes, tuple(overruled))


def is_wide(policy: PeerAuthentication) -> bool:
    """Whether it is for a whole namespace, or from the root namespace for the mesh."""
    return not policy.selector.match_labels


def mode(value: int) -> str:
    """The mode by its name, "" for UNSET."""
    return PeerAuthentication.MutualTLS.Mode.Name(value) if value else ""
