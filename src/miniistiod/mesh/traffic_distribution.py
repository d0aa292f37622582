"""trafficDistribution of a service: whether endpoints of the client's own zone or node come first."""

from __future__ import annotations

from collections.abc import Mapping

ANNOTATION = "networking.istio.io/traffic-distribution"

SAME_ZONE = "PreferSameZone"
SAME_NODE = "PreferSameNode"
ANY = ""

_MEANING = {"preferclose": SAME_ZONE, "prefersamezone": SAME_ZONE, "prefersamenode": SAME_NODE}


def traffic_distribution(field: str, annotations: Mapping[str, str], namespace_annotation: str) -> str:
    """The spec's field counts first, then the annotation of the object, then that of its namespace.

    An annotation with an unknown value means ANY, and hides the ones after it.
    """
    given = _MEANING.get(field.lower(), ANY)
    if given:
        return given
    return _MEANING.get((annotations.get(ANNOTATION, "") or namespace_annotation).lower(), ANY)
