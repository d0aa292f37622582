"""A real Envoy that takes everything from one of our servers, and the resources these tests give it."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import yaml
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2  # noqa: F401
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2,
)
from google.protobuf import json_format

from miniistiod.xds.resource import Resource, resource

NODE_ID = "sidecar~127.0.0.1~web.default~default.svc.cluster.local"
ADS = {"ads": {}, "resource_api_version": "V3"}


def bootstrap(port: int, delta: bool, metadata: dict | None = None) -> dict:
    """ADS over plaintext to a port, nothing else."""
    grpc = {
        "api_type": "DELTA_GRPC" if delta else "GRPC",
        "transport_api_version": "V3",
        "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}],
    }
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    options = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
    return {
        "node": {"id": NODE_ID, "cluster": "web", "metadata": metadata or {}},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "dynamic_resources": {"ads_config": grpc, "cds_config": ADS, "lds_config": ADS},
        "static_resources": {
            "clusters": [
                {
                    "name": "xds",
                    "type": "STATIC",
                    "connect_timeout": "1s",
                    "typed_extension_protocol_options": options,
                    "load_assignment": {
                        "cluster_name": "xds",
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
                    },
                }
            ]
        },
    }


class Envoy:
    """A running Envoy, asked through its admin page."""

    def __init__(self, admin: str, process: asyncio.subprocess.Process) -> None:
        self.http = httpx.AsyncClient(base_url=f"http://{admin}", timeout=60)
        self.process = process

    async def stats(self, pattern: str) -> dict[str, int]:
        """Counters and gauges whose name matches."""
        got = await self.http.get("/stats", params={"format": "json", "filter": pattern})
        return {s["name"]: s["value"] for s in got.json()["stats"] if "name" in s}

    async def until(self, stat: str, value: int, seconds: float = 60) -> None:
        """Wait until a counter has reached a value."""
        async with asyncio.timeout(seconds):
            while (await self.stats(f"^{stat}$")).get(stat, -1) < value:
                await asyncio.sleep(0.02)


@asynccontextmanager
async def envoy(port: int, delta: bool, metadata: dict | None = None) -> AsyncIterator[Envoy]:
    """Start an Envoy that connects to our server; ended at exit."""
    with tempfile.TemporaryDirectory() as folder:
        config, admin = Path(folder, "envoy.yaml"), Path(folder, "admin")
        config.write_text(yaml.safe_dump(bootstrap(port, delta, metadata)))
        program = shutil.which("envoy", path=f"{Path(shutil.sys.executable).parent}") or shutil.which("envoy")
        with Path(folder, "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                str(program),
                "-c",
                str(config),
                "--admin-address-path",
                str(admin),
                "--concurrency",
                "1",
                "--use-dynamic-base-id",
                "-l",
                "warning",
                stdout=log,
                stderr=log,
            )
        try:
            async with asyncio.timeout(60):
                while not admin.exists() or not admin.read_text():
                    assert process.returncode is None, Path(folder, "log").read_text()[-3000:]
                    await asyncio.sleep(0.02)
            running = Envoy(admin.read_text().strip(), process)
            yield running
            await running.http.aclose()
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


def made(message: object, data: dict, name: str, needs: tuple[str, ...] = ()) -> Resource:
    """A resource out of a message written as JSON."""
    json_format.ParseDict(json.loads(json.dumps(data)), message)
    return resource(name, message.SerializeToString(deterministic=True), needs)


def cluster(name: str, timeout: str = "1s", **more: object) -> Resource:
    """An EDS cluster."""
    data = {
        "name": name,
        "type": "EDS",
        "connect_timeout": timeout,
        "eds_cluster_config": {"eds_config": ADS},
    }
    return made(cluster_pb2.Cluster(), {**data, **more}, name, (name,))


def endpoints(name: str, port: int) -> Resource:
    """One endpoint on this machine."""
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    lb = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return made(endpoint_pb2.ClusterLoadAssignment(), {"cluster_name": name, "endpoints": lb}, name)


def listener(name: str, port: int, route: str) -> Resource:
    """HTTP on a port of this machine, with its routes from RDS."""
    kind = http_connection_manager_pb2.HttpConnectionManager.DESCRIPTOR.full_name
    manager = {
        "@type": f"type.googleapis.com/{kind}",
        "stat_prefix": "in",
        "rds": {"route_config_name": route, "config_source": ADS},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
                },
            }
        ],
    }
    chains = [{"filters": [{"name": "http", "typed_config": manager}]}]
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    return made(
        listener_pb2.Listener(), {"name": name, "address": address, "filter_chains": chains}, name, (route,)
    )


def routes(name: str, to: str) -> Resource:
    """Everything to one cluster."""
    host = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": to}}]}
    return made(route_pb2.RouteConfiguration(), {"name": name, "virtual_hosts": [host]}, name)
