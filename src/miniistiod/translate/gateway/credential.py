"""credentialName → the secret that Envoy asks for, and where.

`builtin://` is the workload's own certificate, `sds://` another SDS server; everything else is a Kubernetes
Secret that mini-istiod hands out over ADS.
"""

from __future__ import annotations

from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import SdsSecretConfig

from miniistiod.translate.mesh_config.collector import Collector
from miniistiod.vocab import sds

BUILT_IN = "builtin://"
INVALID = "invalid://"
EXTERNAL = "sds://"
_TYPED = ("kubernetes://", "kubernetes-gateway://", "configmap://")


def credential(name: str, *, socket: bool = False, server: Collector | None = None) -> SdsSecretConfig:
    """`socket`: the Pod has an SDS server of its own; `server`: the mesh's SDS provider."""
    if name == BUILT_IN:
        return sds.agent_secret(sds.WORKLOAD)
    if name == BUILT_IN + sds.CA_SUFFIX:
        return sds.agent_secret(sds.ROOT)
    if not name.startswith(EXTERNAL):
        return sds.ads_secret(resource_name(name))
    if socket:
        return sds.external_secret(name, sds.EXTERNAL)
    bare = name.removeprefix(EXTERNAL)
    if server is not None:
        return sds.external_secret(bare, server.cluster, server.host)
    return sds.ads_secret(resource_name(bare))


def resource_name(name: str) -> str:
    """The name of the secret as a resource: of Kubernetes unless it says otherwise."""
    if name.startswith(BUILT_IN):
        return sds.WORKLOAD
    if name.startswith(INVALID):
        return INVALID
    return name if name.startswith(_TYPED) else f"kubernetes://{name}"
