"""The Envoy Node of each proxy of a case: a Pod annotated `proxy: sidecar` or `router`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from envoy.config.core.v3 import base_pb2
from google.protobuf import json_format

ISTIO_VERSION = "1.32.0"
ISTIO_EXTENSIONS = (
    ("envoy.filters.http", "istio.alpn"),
    ("envoy.filters.http", "istio_authn"),
    ("envoy.filters.http", "istio.stats"),
    ("envoy.filters.http", "envoy.filters.http.peer_metadata"),
    ("envoy.filters.network", "envoy.filters.network.metadata_exchange"),
    ("envoy.filters.network", "envoy.filters.network.peer_metadata"),
)
"""What an Envoy built with Istio's extensions says it has; a stock Envoy does not list these."""


def pods(case: Path) -> dict[str, Any]:
    """{NAME.NAMESPACE: the Pod} of the proxies that connect in a case."""
    return pods_of(case.read_text())


def pods_of(text: str) -> dict[str, Any]:
    """The same of a text."""
    documents = (d for d in yaml.safe_load_all(text) if d and d.get("kind") == "Pod")
    return {
        f"{pod['metadata']['name']}.{pod['metadata'].get('namespace', 'default')}": pod
        for pod in documents
        if "proxy" in pod["metadata"].get("annotations", {})
    }


def node(pod: Any, stock: bool = False) -> base_pb2.Node:
    """The Node this Pod's proxy sends in its first request; `stock` without Istio's own extensions."""
    meta, spec, ip = pod["metadata"], pod.get("spec", {}), pod["status"]["podIP"]
    namespace, name, labels = meta.get("namespace", "default"), meta["name"], dict(meta.get("labels", {}))
    owner = labels.get("app", name)
    annotations = {k: v for k, v in meta["annotations"].items() if k != "proxy"}
    extra = json.loads(annotations.pop("node-metadata", "{}"))
    metadata = {
        "NAME": name,
        "NAMESPACE": namespace,
        "LABELS": labels,
        "INSTANCE_IPS": ip,
        "SERVICE_ACCOUNT": spec.get("serviceAccountName", "default"),
        "WORKLOAD_NAME": owner,
        "OWNER": f"kubernetes://apis/apps/v1/namespaces/{namespace}/deployments/{owner}",
        "ISTIO_VERSION": ISTIO_VERSION,
        "CLUSTER_ID": "Kubernetes",
        "MESH_ID": "cluster.local",
        "NODE_NAME": "node-1",
        "INTERCEPTION_MODE": "REDIRECT",
        "ENVOY_STATUS_PORT": 15021,
        "ENVOY_PROMETHEUS_PORT": 15090,
        "PROXY_CONFIG": {},
        **({"ANNOTATIONS": annotations} if annotations else {}),
        **extra,
    }
    tree = {
        "id": f"{meta['annotations']['proxy']}~{ip}~{name}.{namespace}~{namespace}.svc.cluster.local",
        "cluster": f"{owner}.{namespace}",
        "metadata": metadata,
        "user_agent_name": "envoy",
        "user_agent_build_version": {"version": {"major_number": 1, "minor_number": 40}},
        "locality": locality(labels.get("topology.istio.io/locality") or labels.get("istio-locality") or ""),
    }
    if not stock:
        tree["extensions"] = [{"category": c, "name": n} for c, n in ISTIO_EXTENSIONS]
    return json_format.ParseDict(tree, base_pb2.Node(), ignore_unknown_fields=True)


def locality(label: str) -> dict[str, str]:
    """region/zone/sub_zone, or with dots between them, as Envoy's Locality."""
    if not label:
        return {}
    region, zone, sub_zone = [*label.replace(".", "/").split("/"), "", ""][:3]
    return {"region": region, "zone": zone, "sub_zone": sub_zone}
