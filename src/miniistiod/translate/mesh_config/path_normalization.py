"""MeshConfig.pathNormalization → how a connection manager rewrites paths before it looks at them."""

from __future__ import annotations

from typing import NamedTuple

from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig

Slashes = HttpConnectionManager.PathWithEscapedSlashesAction
_Type = MeshConfig.ProxyPathNormalization.NormalizationType


class PathNormalization(NamedTuple):
    """Each step does what the one before does, and more."""

    normalize: bool
    merge_slashes: bool
    escaped_slashes: int


_STEPS = {
    _Type.NONE: PathNormalization(False, False, Slashes.KEEP_UNCHANGED),
    _Type.BASE: PathNormalization(True, False, Slashes.KEEP_UNCHANGED),
    _Type.DEFAULT: PathNormalization(True, False, Slashes.KEEP_UNCHANGED),
    _Type.MERGE_SLASHES: PathNormalization(True, True, Slashes.KEEP_UNCHANGED),
    _Type.DECODE_AND_MERGE_SLASHES: PathNormalization(True, True, Slashes.UNESCAPE_AND_FORWARD),
}


def path_normalization(normalization: MeshConfig.ProxyPathNormalization) -> PathNormalization:
    """Absent means BASE."""
    return _STEPS[normalization.normalization]
