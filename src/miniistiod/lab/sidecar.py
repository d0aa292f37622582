"""The files beside a workload's Envoy, and the command lines of Envoy and of the control plane."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from miniistiod.lab.addresses import ROUTER
from miniistiod.lab.description import Workload
from miniistiod.lab.state import State
from miniistiod.proxy import bootstrap as bootstraps
from miniistiod.proxy.bootstrap import Discovery, as_json, bootstrap

PLAIN_PORT, SECURE_PORT = 15010, 15012
HTTP_PORT, MONITORING_PORT = 8080, 15014


def write_bootstrap(workload: Workload, address: str, folder: Path, discovery: Discovery) -> Path:
    """Write the bootstrap of a workload's proxy. A gateway has no capture, so its connections bear no mark."""
    described = bootstraps.Workload(
        name=workload.name,
        namespace=workload.namespace,
        address=address,
        labels=workload.labels,
        annotations=workload.annotations,
        service_account=workload.service_account,
        owner=workload.owner,
        kind=workload.proxy,
        ports=workload.ports_json,
    )
    path = folder / "bootstrap.json"
    mark = 0 if workload.proxy == "router" else bootstraps.MARK
    path.write_text(as_json(bootstrap(described, discovery, mark=mark)))
    return path


def envoy_command(bootstrap_path: Path) -> list[str]:
    """Envoy with one worker, which tells of each request at once instead of every ten seconds."""
    return [
        shutil.which("envoy", path=f"{Path(sys.executable).parent}:{search_path()}") or "envoy",
        *("-c", str(bootstrap_path), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"),
        *("--file-flush-interval-msec", "50", "--drain-time-s", "5", "--parent-shutdown-time-s", "6"),
    ]


def control_plane_command(state: State) -> list[str]:
    """mini-istiod, listening on the router's address for proxies and on its loopback for people."""
    return [
        *(
            sys.executable,
            "-c",
            "from miniistiod.cli import main; main()",
            "serve",
            "--config",
            str(state.config),
        ),
        *("--grpc-address", f"{ROUTER}:{PLAIN_PORT}", "--secure-grpc-address", f"{ROUTER}:{SECURE_PORT}"),
        *("--http-address", f"127.0.0.1:{HTTP_PORT}", "--monitoring-address", f"127.0.0.1:{MONITORING_PORT}"),
    ]


def search_path() -> str:
    """PATH with the folders of ip and iptables, which an ordinary user's own often lacks."""
    import os

    return ":".join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
