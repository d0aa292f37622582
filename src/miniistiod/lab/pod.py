"""One workload in namespaces of its own: a process that holds them, the programs, and their Envoy."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from miniistiod.lab.addresses import ROUTER
from miniistiod.lab.capture import capture_of, capture_rules
from miniistiod.lab.description import Container, Workload
from miniistiod.lab.names import resolv_conf
from miniistiod.lab.network import pod_link, pod_routes
from miniistiod.lab.process import Process
from miniistiod.lab.programs import command_of
from miniistiod.lab.sidecar import discovery, envoy_command, proxy_config, write_bootstrap, write_token
from miniistiod.lab.state import State
from miniistiod.proxy.bootstrap import PROMETHEUS_PORT, STATUS_PORT

HOLD = """
target=$(readlink -f /etc/resolv.conf)
[ -e "$target" ] || { mount -t tmpfs tmpfs /run; mkdir -p "$(dirname "$target")"; : > "$target"; }
mount --bind "$1" "$target"
hostname "$2"
echo ready
exec sleep infinity
"""
"""Holds the namespaces. A resolv.conf that leads nowhere (a link of systemd's) gets a place to lead to."""
PROXY = "istio-proxy"
LISTENING = "0A"
SECONDS_TO_RETRY = 1.0
SECONDS_TO_ANSWER = 10.0
WARMING = re.compile(
    rb"^envoy_(?:listener_manager_total_listeners|cluster_manager)_warming\S* (\d+)$", re.MULTILINE
)


class Pod:
    """A workload that runs. `served` tells that the control plane listens."""

    def __init__(
        self, workload: Workload, number: int, address: str, state: State, served: asyncio.Event
    ) -> None:
        self.workload, self.number, self.address = workload, number, address
        self.state, self.folder, self.served = state, state.pod(workload.key), served
        self.holder: asyncio.subprocess.Process | None = None
        self.restarts = 0
        self.since = datetime.now(UTC)
        self.keeper: asyncio.Task[None] | None = None
        self.processes = {c.name: self.program(c, state.logs) for c in workload.containers if self.runs(c)}
        if workload.proxy != "none":
            log = state.logs / f"{workload.key}.{PROXY}.log"
            self.processes[PROXY] = Process(PROXY, self.inside(self.envoy), log, {})

    @property
    def inspect(self) -> Path:
        """The socket of the app's inspector."""
        return self.folder / "app.sock"

    @property
    def pid(self) -> int:
        """The process that holds the namespaces; 0 when there is none."""
        return self.holder.pid if self.holder and self.holder.returncode is None else 0

    def inspector(self, container: Container) -> Path:
        """The socket of one container's inspector: the app is the first, others have their own names."""
        first = container is self.workload.containers[0]
        return self.inspect if first else self.folder / f"{container.name}.sock"

    def runs(self, container: Container) -> bool:
        """Whether a container is a program of ours to start; a gateway's `auto` image is its Envoy."""
        return container.image != "auto" and bool(command_of(container, self.inspect))

    def program(self, container: Container, logs: Path) -> Process:
        """The process of a container."""
        inspect = self.inspector(container)
        argv = self.inside(lambda: command_of(container, inspect))
        return Process(
            container.name, argv, logs / f"{self.workload.key}.{container.name}.log", container.env
        )

    def envoy(self) -> Sequence[str]:
        """The command line of the proxy, with token and bootstrap written anew."""
        where = discovery(self.state, write_token(self.workload, self.folder, self.state))
        config = proxy_config(self.workload, self.state)
        return envoy_command(write_bootstrap(self.workload, self.address, self.folder, where, config))

    def renew_token(self) -> None:
        """Give the proxy a new token under way."""
        if self.workload.proxy != "none":
            write_token(self.workload, self.folder, self.state)

    def reported(self) -> dict[str, Any]:
        """The Pod as a kubelet would report it."""
        workload = self.workload
        ports = [{"name": p.name, "containerPort": p.number, "protocol": p.protocol} for p in workload.ports]
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": workload.name,
                "namespace": workload.namespace,
                "labels": dict(workload.labels),
            },
            "spec": {
                "serviceAccountName": workload.service_account,
                "containers": [{"name": "app", "image": "app", "ports": ports}],
            },
            "status": {
                "phase": "Running",
                "podIP": self.address,
                "podIPs": [{"ip": self.address}],
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        }

    def inside(self, argv: Callable[[], Sequence[str]]) -> Callable[[], Sequence[str]]:
        """The same command line, run in this pod's namespaces."""
        return lambda: ["nsenter", "-t", str(self.pid), "-n", "-m", "-u", "--", *argv()]

    def keep(self) -> None:
        """Start the pod, and all of it again should its namespaces be lost."""
        self.keeper = asyncio.create_task(self.kept(), name=self.workload.key)

    async def kept(self) -> None:
        while True:
            try:
                await self.start()
            except (OSError, RuntimeError) as error:
                print(f"{self.workload.key}: {error}", file=sys.stderr, flush=True)
                await self.end_holder()
                await asyncio.sleep(SECONDS_TO_RETRY)
            if self.holder:
                await self.holder.wait()
            self.restarts += 1
            await asyncio.gather(*(process.stop() for process in self.processes.values()))

    async def start(self) -> None:
        """Namespaces, network, capture, then the programs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        names = self.folder / "resolv.conf"
        names.write_text(resolv_conf(self.workload.namespace, str(ROUTER)))
        self.holder = await asyncio.create_subprocess_exec(
            *(
                "unshare",
                "--net",
                "--mount",
                "--uts",
                "--",
                "sh",
                "-ec",
                HOLD,
                "sh",
                str(names),
                self.workload.name,
            ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self.holder.stdout
        if await self.holder.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{self.workload.key}: no namespaces; see the supervisor's log")
        await self.connect()
        for name, process in self.processes.items():
            if name == PROXY:  # an Envoy that finds nobody waits longer than we would
                await self.served.wait()
            process.keep()

    async def connect(self) -> None:
        """The veth pair, routes and capture rules."""
        # The kernel takes its time to clear away the link of a namespace that has just died.
        await fed(f"link del pod{self.number}", "ip", "-force", "-batch", "-", fails=True)
        await fed(pod_link(self.number, self.pid), "ip", "-batch", "-")
        enter = ("nsenter", "-t", str(self.pid), "-n", "--")
        await fed(pod_routes(self.address), *enter, "ip", "-batch", "-")
        if self.workload.proxy == "sidecar":
            rules = capture_rules(capture_of(self.workload.annotations))
            await fed(rules, *enter, "iptables-restore", "--wait")

    async def stop(self) -> None:
        """End everything; the network goes with the namespaces."""
        if self.keeper:
            self.keeper.cancel()
            await asyncio.gather(self.keeper, return_exceptions=True)
        await asyncio.gather(*(process.stop() for process in self.processes.values()))
        await self.end_holder()

    async def end_holder(self) -> None:
        """Let go of the namespaces."""
        if self.pid and self.holder:
            self.holder.kill()
            await self.holder.wait()

    async def ready(self) -> bool:
        """Whether every program runs and listens, and the proxy has its configuration."""
        if not self.pid or any(process.state != "running" for process in self.processes.values()):
            return False
        listening = listening_ports(self.pid)
        wanted = {port.number for port in self.workload.ports} if self.workload.proxy != "router" else set()
        if not wanted <= listening:
            return False
        return self.workload.proxy == "none" or (STATUS_PORT in listening and await live(self.address))

    async def warming(self) -> int:
        """How many listeners and clusters its proxy has taken but does not use yet: they wait for a
        certificate, for names, for routes. 0 when no proxy runs.
        """
        if self.workload.proxy == "none":
            return 0
        return await warming(self.address)

    async def status(self) -> dict[str, Any]:
        """What `lab status` shows of it."""
        return {
            "name": self.workload.name,
            "namespace": self.workload.namespace,
            "address": self.address,
            "proxy": self.workload.proxy,
            "labels": dict(self.workload.labels),
            "ready": await self.ready(),
            "since": self.since.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "pid": self.pid,
            "restarts": self.restarts + sum(p.restarts for p in self.processes.values()),
            "processes": {name: {"state": p.state, "pid": p.pid} for name, p in self.processes.items()},
        }


def listening_ports(pid: int) -> set[int]:
    """The TCP ports on which somebody listens in the network namespace of a process."""
    found = set()
    for family in ("tcp", "tcp6"):
        path = Path(f"/proc/{pid}/net/{family}")
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            fields = line.split()
            if fields[3] == LISTENING:
                found.add(int(fields[1].rpartition(":")[2], 16))
    return found


async def live(address: str) -> bool:
    """Whether the Envoy at this address says that it is ready."""
    try:
        return b" 200 " in (await answered(address, STATUS_PORT, "/healthz/ready")).partition(b"\r\n")[0]
    except OSError:
        return False


async def warming(address: str) -> int:
    """The listeners and clusters that the Envoy at this address has not taken into use yet; one that is too
    busy to tell has some.
    """
    try:
        page = await answered(address, PROMETHEUS_PORT, "/stats/prometheus?filter=manager.*warming")
    except TimeoutError:
        return 1
    except OSError:
        return 0
    return sum(int(number) for number in WARMING.findall(page))


async def answered(address: str, port: int, path: str) -> bytes:
    """What an Envoy answers to a GET, head and body; TimeoutError when it hangs, OSError when it is away."""
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: lab\r\nconnection: close\r\n\r\n".encode())
        return await asyncio.wait_for(reader.read(), SECONDS_TO_ANSWER)
    finally:
        writer.close()


async def fed(text: str, *command: str, fails: bool = False) -> None:
    """Run a command that reads its work from stdin; an error carries what it said, unless it may fail."""
    lock = {"XTABLES_LOCKFILE": "/tmp/mini-istiod-xtables.lock"}
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, **lock}
    )
    _, said = await process.communicate(text.encode() + b"\n")
    if process.returncode and not fails:
        raise RuntimeError(f"{' '.join(command)}: {said.decode(errors='replace').strip()}")
