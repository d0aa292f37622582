"""The files beside a workload's Envoy, and the command lines of Envoy and of the control plane."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format

from miniistiod.api.istio.mesh import proxy_pb2
from miniistiod.ca import tokens
from miniistiod.ca.identity import Identity
from miniistiod.config import loaded
from miniistiod.lab.addresses import ROUTER
from miniistiod.lab.description import Workload
from miniistiod.lab.state import State
from miniistiod.lab.store import Store
from miniistiod.mesh.policies import policy_index
from miniistiod.mesh.settings import settings
from miniistiod.proxy import bootstrap as bootstraps
from miniistiod.proxy.bootstrap import as_json, bootstrap
from miniistiod.proxy.bootstrap_statics import Discovery, token_secret
from miniistiod.proxy.proxy_config import started_with
from miniistiod.server import authority_store

PLAIN_PORT, SECURE_PORT = 15010, 15012
HTTP_PORT, MONITORING_PORT = 8080, 15014
TRUST_DOMAIN = "cluster.local"
PROXY_CONFIG = "proxy.istio.io/config"
TELLING = ("ConfigMap", "MeshConfig", "ProxyConfig")
"""Kinds that say what proxies are started with."""


def write_bootstrap(
    workload: Workload,
    address: str,
    folder: Path,
    discovery: Discovery,
    proxy_config: Mapping[str, Any],
    mark: int = bootstraps.MARK,
) -> Path:
    """Write the bootstrap of a workload's proxy. A gateway is not captured and needs no mark; nor does one
    that is known by its user."""
    described = bootstraps.Workload(
        name=workload.name,
        namespace=workload.namespace,
        address=address,
        labels=injected_labels(workload),
        annotations=workload.annotations,
        service_account=workload.service_account,
        owner=workload.owner,
        kind=workload.proxy,
        ports=workload.ports_json,
    )
    path = folder / "bootstrap.json"
    mark = 0 if workload.proxy == "router" else mark
    path.write_text(as_json(bootstrap(described, discovery, mark=mark, proxy_config=proxy_config)))
    return path


def proxy_config(workload: Workload, state: State) -> Mapping[str, Any]:
    """What Istio's injector would start the proxy with: of the mesh, of ProxyConfigs, of its annotation."""
    texts = {str(file): file.read_text() for file in Store(state.config).files()}
    store = loaded({name: text for name, text in texts.items() if any(kind in text for kind in TELLING)})
    of_mesh = settings(store.of_kind("MeshConfig"), store.of_kind("MeshNetworks"))
    objects = policy_index(store.of_kind("ProxyConfig"), of_mesh.root_namespace)
    own = yaml.safe_load(workload.annotations.get(PROXY_CONFIG, "")) or {}
    annotation = json_format.ParseDict(own, proxy_pb2.ProxyConfig(), ignore_unknown_fields=True)
    found = started_with(of_mesh, objects, workload.namespace, workload.labels, annotation)
    return json_format.MessageToDict(found)


def injected_labels(workload: Workload) -> dict[str, str]:
    """The labels of a workload with those that Istio's injector adds: a sidecar can speak mutual TLS."""
    labels = dict(workload.labels)
    if workload.proxy == "sidecar":
        labels.setdefault("security.istio.io/tlsMode", "istio")
    app = labels.get("app.kubernetes.io/name") or labels.get("app") or workload.owner
    labels.setdefault("service.istio.io/canonical-name", app)
    version = labels.get("app.kubernetes.io/version") or labels.get("version") or "latest"
    labels.setdefault("service.istio.io/canonical-revision", version)
    return labels


def prepare_authority(directory: Path) -> None:
    """Make the lab's certificate authority and its token key, if they are not there yet."""
    authority_store.authority(directory, datetime.now(UTC))
    authority_store.token_key(directory)


def write_token(workload: Workload, folder: Path, state: State) -> Path:
    """Write the token with which a workload's Envoy proves who it is; Envoy sees it replaced."""
    identity = Identity(TRUST_DOMAIN, workload.namespace, workload.service_account)
    claims = tokens.service_account_claims(identity, datetime.now(UTC))
    path = folder / "token.json"
    secret = token_secret(tokens.minted(claims, authority_store.token_key(state.keys)))
    authority_store.private_file(path, secret.encode())
    return path


def discovery(state: State, token: Path) -> Discovery:
    """Where the control plane of a lab is, and what to believe it by."""
    root = state.keys / authority_store.ROOT
    return Discovery(str(ROUTER), SECURE_PORT, root_certificate=str(root), token_secret=str(token))


def envoy_command(bootstrap_path: Path) -> list[str]:
    """Envoy with one worker, which tells of each request at once instead of every ten seconds."""
    return [
        shutil.which("envoy", path=f"{Path(sys.executable).parent}:{search_path()}") or "envoy",
        *("-c", str(bootstrap_path), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"),
        *("--component-log-level", "misc:error"),
        *("--file-flush-interval-msec", "50", "--drain-time-s", "5", "--parent-shutdown-time-s", "6"),
    ]


def control_plane_command(state: State) -> list[str]:
    """mini-istiod, listening on the router's address for proxies and on its loopback for people."""
    return [
        *(sys.executable, "-c", "from miniistiod.cli import main; main()", "serve"),
        *("--config", str(state.config), "--config", str(state.reported), "--ca-directory", str(state.keys)),
        *("--grpc-address", f"{ROUTER}:{PLAIN_PORT}", "--secure-grpc-address", f"{ROUTER}:{SECURE_PORT}"),
        *("--secret-folder", str(state.secrets)),
        *("--http-address", f"127.0.0.1:{HTTP_PORT}", "--monitoring-address", f"127.0.0.1:{MONITORING_PORT}"),
    ]


def search_path() -> str:
    """PATH with the folders of ip and iptables, which an ordinary user's own often lacks."""
    return ":".join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
