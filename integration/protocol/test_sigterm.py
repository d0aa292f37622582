"""P40 with the whole program: a SIGTERM in the middle of pushes takes nothing from a real Envoy."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from integration.protocol.envoys import envoy
from tests.support.ports import free_ports

SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  clusterIP: 10.0.0.9
  selector: {app: web}
  ports: [{name: http, port: 80}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: default}
spec:
  hosts: [web]
  http:
  - timeout: TIMEOUT
    route: [{destination: {host: web}}]
"""
CLUSTERS = "cluster_manager.(active|warming)_clusters"
"""Those that mutual TLS keeps warming count too: this Envoy has nowhere to get a certificate from."""
METADATA = {"NAME": "web", "NAMESPACE": "default", "INSTANCE_IPS": "127.0.0.1", "LABELS": {"app": "client"}}


@pytest.mark.parametrize("delta", [False, True], ids=["sotw", "delta"])
def test_p40_a_sigterm_while_pushing_takes_nothing_from_envoy(delta, tmp_path: Path):
    async def main() -> None:
        config, (port,) = tmp_path / "mesh.yaml", free_ports(1)
        config.write_text(SERVICES.replace("TIMEOUT", "1s"))
        off = ("--secure-grpc-address=", "--http-address=", "--monitoring-address=")
        server = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("miniistiod")), "serve", "--config", str(config),
            "--grpc-address", f"127.0.0.1:{port}", *off, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with envoy(port, delta, METADATA) as proxy:
                await proxy.until("cluster_manager.cds.update_success", 1)
                before = sum((await proxy.stats(CLUSTERS)).values())
                assert before > 1
                for seconds in range(2, 30):
                    config.write_text(SERVICES.replace("TIMEOUT", f"{seconds}s"))
                    await asyncio.sleep(0)
                server.send_signal(signal.SIGTERM)
                async with asyncio.timeout(60):
                    assert await server.wait() == 0
                await proxy.until("cluster.xds.upstream_cx_destroy", 1)
                assert sum((await proxy.stats(CLUSTERS)).values()) == before
                gone = await proxy.stats("(cluster|listener)_manager.(cluster|listener)_removed")
                assert set(gone.values()) == {0}
        finally:
            if server.returncode is None:
                server.kill()
                await server.wait()

    asyncio.run(main())
