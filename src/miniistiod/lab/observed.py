"""The profile `observability` of a compose lab: ready-made parts that watch it, none of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PROXIES = "proxies.mesh"
"""The name behind which all Envoys of a lab are, so that Prometheus finds them."""
FILES = "../../observability"


def service(image: str, port: str, inside: int, *volumes: str, **more: Any) -> dict[str, Any]:
    """One part: only in its profile, published on localhost."""
    return {
        "image": image,
        "profiles": ["observability"],
        "restart": "always",
        "ports": [f"127.0.0.1:{port}:{inside}"],
        **({"volumes": list(volumes)} if volumes else {}),
        **more,
    }


SERVICES: Mapping[str, Mapping[str, Any]] = {
    "prometheus": service(
        "${PROMETHEUS_IMAGE:-prom/prometheus:v2.53.0}",
        "${PROMETHEUS_PORT:-9090}",
        9090,
        f"{FILES}/prometheus.yml:/etc/prometheus/prometheus.yml:ro",
    ),
    "grafana": service(
        "${GRAFANA_IMAGE:-grafana/grafana:11.2.0}",
        "${GRAFANA_PORT:-3000}",
        3000,
        f"{FILES}/grafana/datasources.yaml:/etc/grafana/provisioning/datasources/mesh.yaml:ro",
        f"{FILES}/grafana/dashboards.yaml:/etc/grafana/provisioning/dashboards/mesh.yaml:ro",
        f"{FILES}/grafana/mesh.json:/etc/grafana/dashboards/mesh.json:ro",
        environment={"GF_AUTH_ANONYMOUS_ENABLED": "true", "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer"},
    ),
    "jaeger": service(
        "${JAEGER_IMAGE:-jaegertracing/all-in-one:1.57}",
        "${JAEGER_PORT:-16686}",
        16686,
        networks={"default": {"aliases": ["jaeger.observability"]}},
    ),
}
