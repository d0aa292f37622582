"""The first process of a lab: it makes the network, runs control plane and workloads, and mends them.

`python -m miniistiod.lab.supervisor FOLDER --publish NAME=FD ...`, started by outside.py in new network,
mount and process namespaces. As their first process it takes everything with it when it ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from miniistiod.ca import tokens
from miniistiod.lab import names, network
from miniistiod.lab.addresses import ROUTER, pod_address
from miniistiod.lab.description import Lab, Workload, lab_of
from miniistiod.lab.pod import Pod, fed, listening_ports
from miniistiod.lab.process import Process
from miniistiod.lab.published import publish
from miniistiod.lab.sidecar import (
    HTTP_PORT,
    SECURE_PORT,
    control_plane_command,
    prepare_authority,
    search_path,
)
from miniistiod.lab.state import CONTROL_PLANE, State, locked
from miniistiod.lab.store import Store

INTERVAL = 0.02


class Supervisor:
    """Everything that runs in a lab."""

    def __init__(self, state: State) -> None:
        self.state, self.store = state, Store(state.config)
        self.pods: dict[str, Pod] = {}
        self.lab = Lab((), ())
        self.known: names.Records = {}
        self.ended, self.served = asyncio.Event(), asyncio.Event()
        log = state.logs / f"{CONTROL_PLANE}.log"
        self.control_plane = Process(CONTROL_PLANE, lambda: control_plane_command(state), log, {})
        self.numbers = 0

    async def run(self, published: dict[str, socket.socket]) -> None:
        """Everything, until it is told to stop."""
        await self.make_network()
        prepare_authority(self.state.keys)
        tasks = [asyncio.create_task(self.renew_tokens()), asyncio.create_task(self.await_control_plane())]
        self.control_plane.keep()
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: names.NameServer(lambda: self.known), (str(ROUTER), 53))
        for name, sock in published.items():
            await publish(sock, lambda name=name: self.target(name))  # type: ignore[misc]
        self.state.control.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self.asked, self.state.control)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.ended.set)
        await self.reconcile()
        async with server:
            await self.ended.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(self.control_plane.stop(), *(pod.stop() for pod in self.pods.values()))

    async def make_network(self) -> None:
        """The router, in the namespace this process was born into."""
        for name, value in network.ROUTER_SYSCTLS.items():
            Path("/proc/sys", name).write_text(value)
        await fed(network.router_links(), "ip", "-batch", "-")

    async def reconcile(self) -> None:
        """Make what runs be what the store describes."""
        self.lab = lab_of(self.store.documents())
        wanted = {workload.key: workload for workload in self.lab.workloads}
        gone = [key for key, pod in self.pods.items() if wanted.get(key) != pod.workload]
        await asyncio.gather(*(self.pods.pop(key).stop() for key in gone))
        for key, workload in wanted.items():
            if key not in self.pods:
                self.pods[key] = self.pod(workload)
                self.pods[key].keep()
        self.report()
        addresses = {key: pod.address for key, pod in self.pods.items()}
        self.known = names.records(self.lab, addresses, str(ROUTER))
        await fed(network.service_rules(self.lab, addresses), "iptables-restore", "--wait")

    def report(self) -> None:
        """Tell the control plane of the Pods that have no proxy to do so themselves."""
        store = Store(self.state.reported)
        pods = [pod.reported() for pod in self.pods.values() if pod.workload.proxy == "none"]
        store.apply(pods)
        names_now = {pod["metadata"]["name"] for pod in pods}
        gone = [d["metadata"] for d in store.documents() if d["metadata"]["name"] not in names_now]
        store.delete(("Pod", old["name"], old["namespace"]) for old in gone)

    async def await_control_plane(self) -> None:
        """Let the proxies start once somebody listens to them."""
        while SECURE_PORT not in listening_ports(os.getpid()):
            await asyncio.sleep(INTERVAL)
        self.served.set()

    async def renew_tokens(self) -> None:
        """New tokens long before the old ones end."""
        while True:
            await asyncio.sleep(tokens.LIFETIME.total_seconds() / 3)
            for pod in self.pods.values():
                pod.renew_token()

    def pod(self, workload: Workload) -> Pod:
        """A new pod with the next number and a free address."""
        self.numbers += 1
        address = pod_address(pod.address for pod in self.pods.values())
        return Pod(workload, self.numbers, address, self.state, self.served)

    def target(self, name: str) -> tuple[str, int] | None:
        """Where a published port leads now: "SERVICE.NAMESPACE:PORT", or the control plane."""
        if name == CONTROL_PLANE:
            return "127.0.0.1", HTTP_PORT
        host, _, port = name.rpartition(":")
        for service in self.lab.services:
            for served in service.ports if f"{service.name}.{service.namespace}" == host else ():
                for workload in self.lab.behind(service) if str(served.number) == port else ():
                    return self.pods[workload.key].address, served.target_number(workload)
        return None

    async def asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One question on the control socket: a word; the reply is JSON."""
        word = (await reader.readline()).decode().strip()
        if word == "reconcile":
            await self.reconcile()
        reply = await (self.warming() if word == "warming" else self.status())
        writer.write(json.dumps(reply).encode() + b"\n")
        await writer.drain()
        writer.close()
        if word == "stop":
            self.ended.set()

    async def warming(self) -> dict[str, int]:
        """The workloads whose proxies do not use yet all that they have, with how many things."""
        counts = await asyncio.gather(*(pod.warming() for pod in self.pods.values()))
        return {key: count for key, count in zip(self.pods, counts, strict=True) if count}

    async def status(self) -> dict[str, Any]:
        """The whole lab as JSON."""
        pods = await asyncio.gather(*(pod.status() for pod in self.pods.values()))
        plane = {
            "state": self.control_plane.state,
            "restarts": self.control_plane.restarts,
            "pid": self.control_plane.pid,
        }
        answers = plane["state"] == "running" and HTTP_PORT in listening_ports(os.getpid())
        ready = answers and all(pod["ready"] for pod in pods)
        return {"ready": ready, "control_plane": plane, "pods": pods}


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="miniistiod.lab.supervisor", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--publish", action="append", default=[], metavar="NAME=FD")
    return parser.parse_args()


def main() -> None:
    """Take the lock, say who we are, and run."""
    options = arguments()
    state = State(options.folder).made()
    lock = state.lock.open("a")
    if not locked(lock):
        raise SystemExit("the lab runs already")
    pairs = (word.rpartition("=") for word in options.publish)
    published = {name: socket.socket(fileno=int(fd)) for name, _, fd in pairs}
    ports = {name: sock.getsockname()[1] for name, sock in published.items()}
    # /proc is still that of the machine, so this is the process id by which others can find us.
    state.facts.write_text(json.dumps({"pid": int(os.readlink("/proc/self")), "published": ports}))
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    os.environ["PATH"] = search_path()
    asyncio.run(Supervisor(state).run(published))


if __name__ == "__main__":
    main()
