"""All objects and connected workloads → the Mesh. Every index is kept under what it was made from (mesh.kept), so
a snapshot shares with the one before it all that did not change, down to one service's endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from miniistiod.config.objects import Object
from miniistiod.mesh.mesh import Mesh
from miniistiod.mesh.workload import Workload


def snapshot(objects: Iterable[Object[Any]], connected: Iterable[Workload] = ()) -> Mesh:
    """The mesh of these objects, and of the workloads of the proxies that are connected now.

    Objects that did not change since the last call must be the same Objects, and so the Workloads.
    """
    raise NotImplementedError
