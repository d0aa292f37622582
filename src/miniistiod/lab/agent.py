"""What istio's own proxy image wants instead of a bootstrap: files that its agent reads, how it is started.

The agent makes the bootstrap, fetches the certificates with the token and hands everything to its Envoy.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from miniistiod.lab.compose import called, indented, plane_name, volume
from miniistiod.lab.description import Document, Workload, lab_of
from miniistiod.lab.sidecar import SECURE_PORT, TRUST_DOMAIN, injected_labels

TOKEN, ENVIRONMENT = "istio-token", "agent-environment"
"""Names in the volume of a pod. The agent finds the token, the labels and the annotations where the volume is
mounted a second and a third time."""
HEADER = """\
# Made from config/ by: miniistiod lab compose --istio-proxy {folder}
# The same lab with istio's own proxy image and its agent:
#   export COMPOSE_FILE=docker-compose.yaml:docker-compose.istio-proxy.yaml

"""
START = (
    "set -a; . /pod/agent-environment; "
    'exec pilot-agent proxy "$PROXY_TYPE" --domain "$POD_NAMESPACE.svc.cluster.local" --concurrency 1 '
    "--proxyLogLevel=warning --proxyComponentLogLevel=misc:error --log_output_level=default:warn"
)
PROXY: Mapping[str, Any] = {
    "image": "${ISTIO_PROXY_IMAGE:-docker.io/istio/proxyv2:1.27.1}",
    "command": ["sh", "-c", START.replace("$", "$$")],
    "tmpfs": ["/etc/istio/proxy", "/var/run/secrets/workload-spiffe-uds"],
}


def agent_files(workload: Workload, proxy_config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Name and text of each file, as a Pod's downward API and Istio's injector would give them."""
    discovery = f"{plane_name(workload.revision)}.istio-system.svc:{SECURE_PORT}"
    told = {
        "PROXY_TYPE": workload.proxy,
        "PROXY_CONFIG": json.dumps({**proxy_config, "discoveryAddress": discovery}),
        "POD_NAME": workload.name,
        "POD_NAMESPACE": workload.namespace,
        "SERVICE_ACCOUNT": workload.service_account,
        "TRUST_DOMAIN": TRUST_DOMAIN,
        "CA_ROOT_CA": "/pod/root-cert.pem",
        "XDS_ROOT_CA": "/pod/root-cert.pem",
        "ISTIO_META_CLUSTER_ID": "Kubernetes",
        "ISTIO_META_MESH_ID": TRUST_DOMAIN,
        "ISTIO_META_INTERCEPTION_MODE": "REDIRECT",
        "ISTIO_META_WORKLOAD_NAME": workload.owner,
        "ISTIO_META_POD_PORTS": workload.ports_json or "[]",
    }
    yield ENVIRONMENT, "".join(f"{name}={shlex.quote(value)}\n" for name, value in told.items())
    yield "labels", downward(injected_labels(workload))
    yield "annotations", downward(workload.annotations)


def downward(values: Mapping[str, str]) -> str:
    """Labels or annotations as a file of the downward API."""
    return "".join(f"{name}={json.dumps(value)}\n" for name, value in values.items())


def istio_proxy_variant(documents: Iterable[Document], folder: str) -> str:
    """The second compose file, which replaces each stock Envoy."""
    services = [
        f"  {called(workload)}-proxy:\n    <<: *agent\n{indented({'volumes': mounts(workload)}, 4)}"
        for workload in lab_of(documents).workloads
        if workload.proxy != "none"
    ]
    return (
        HEADER.format(folder=folder)
        + f"x-agent: &agent\n{indented(PROXY, 2)}\nservices:\n"
        + "\n".join(services)
    )


def mounts(workload: Workload) -> list[str]:
    """The volume of the pod, where the agent looks."""
    return [f"{volume(workload)}:{where}:ro" for where in ("/etc/istio/pod", "/var/run/secrets/tokens")]
