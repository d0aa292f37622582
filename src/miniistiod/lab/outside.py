"""A lab seen from the machine it runs on: start it, mend it, ask it, enter it, end it.

The whole lab lives in namespaces that die with its first process, so nothing is left behind, whatever
happens; an ordinary user gets them through a user namespace.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from miniistiod.lab.description import Lab, lab_of
from miniistiod.lab.published import listener
from miniistiod.lab.sidecar import HTTP_PORT, search_path
from miniistiod.lab.state import CONTROL_PLANE, State
from miniistiod.lab.store import Change, Document, Store

SECONDS_TO_START = 120.0
SECONDS_TO_END = 8.0
SECONDS_TO_REPLY = 60.0
INTERVAL = 0.05

Report = dict[str, Any]


class LabError(Exception):
    """Why a lab cannot do what was asked, and what to do about it."""


class OutsideLab:
    """One lab, by its state directory."""

    def __init__(self, state: State) -> None:
        self.state, self.store = state, Store(state.config)

    def apply(self, documents: Iterable[Document], namespace: str = "default") -> list[Change]:
        """Write objects to the lab's config directory; new workloads start at once when the lab runs."""
        changes = self.store.apply(documents, namespace)
        self.followed(changes)
        return changes

    def delete(self, objects: Iterable[tuple[str, str, str]]) -> list[Change]:
        """Remove objects by kind, name and namespace."""
        changes = self.store.delete(objects)
        self.followed(changes)
        return changes

    def followed(self, changes: list[Change]) -> None:
        """Tell the supervisor when something changed that it runs."""
        kinds = {change.kind for change in changes if change.outcome not in ("unchanged", "not found")}
        if kinds & {"Deployment", "StatefulSet", "Pod", "Service", "Namespace"} and self.state.alive():
            self.ask("reconcile")

    def start(self, fixed_ports: bool = True, progress: Callable[[Report], None] = lambda _: None) -> Report:
        """Start the lab, or mend one that runs, and wait until all of it is ready.

        With `fixed_ports` the published ports are the Services' node ports where these are free.
        """
        with self.alone():
            if self.state.alive():
                self.ask("reconcile")
                return self.settled(progress)
            return self.settled(progress, self.spawn(fixed_ports))

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else starts or ends this lab meanwhile."""
        self.state.made()
        with (self.state.folder / "up.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def spawn(self, fixed_ports: bool) -> subprocess.Popen[bytes]:
        """Start the supervisor in namespaces of its own; the process that holds these."""
        sockets = {
            name: listener(port if fixed_ports else 0)
            for name, port in publications(self.described()).items()
        }
        words = [word for name, sock in sockets.items() for word in ("--publish", f"{name}={sock.fileno()}")]
        own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        log = self.state.logs / "supervisor.log"
        with log.open("ab") as output:
            holder = subprocess.Popen(
                [
                    *("unshare", *own, "--net", "--mount", "--pid", "--fork", "--kill-child", "--"),
                    *(sys.executable, "-m", "miniistiod.lab.supervisor", str(self.state.folder), *words),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[sock.fileno() for sock in sockets.values()],
                start_new_session=True,
                env={**os.environ, "PATH": search_path()},
            )
        for sock in sockets.values():
            sock.close()
        return holder

    def described(self) -> Lab:
        """The lab that the config directory describes."""
        return lab_of(self.store.documents())

    def settled(
        self, progress: Callable[[Report], None], holder: subprocess.Popen[bytes] | None = None
    ) -> Report:
        """Wait until everything is ready, as long as `holder` lives."""
        start = time.monotonic()
        report: Report = {}
        while time.monotonic() < start + SECONDS_TO_START and (holder is None or holder.poll() is None):
            with contextlib.suppress(OSError, ValueError):
                report = self.ask("status")
                progress(report)
                if report["ready"]:
                    return report
            time.sleep(INTERVAL)
        late = [f"{pod['name']}.{pod['namespace']}" for pod in report.get("pods", ()) if not pod["ready"]]
        what = f"not ready: {', '.join(late)}" if late else "it did not start"
        said = "".join(f"\n{line}" for line in self.last_words(late))
        seconds = f"{time.monotonic() - start:.0f} s"
        raise LabError(f"the lab did not come up in {seconds} ({what}); see {self.state.logs}{said}")

    def last_words(self, late: list[str]) -> Iterator[str]:
        """The last line of each log that may tell why something is not ready."""
        names = ["supervisor", CONTROL_PLANE, *late]
        for log in sorted(path for name in names for path in self.state.logs.glob(f"{name}*.log")):
            if lines := log.read_text(errors="replace").strip().splitlines():
                yield f"{log.name}: {lines[-1][:400]}"

    def ask(self, word: str) -> Report:
        """One question to the supervisor, `status`, `warming`, `reconcile` or `stop`; OSError when there is
        none.
        """
        with socket.socket(socket.AF_UNIX) as sock, within(self.state.folder):
            sock.settimeout(SECONDS_TO_REPLY)
            sock.connect(self.state.control.name)
            sock.sendall(word.encode() + b"\n")
            reply = sock.makefile("rb").readline()
        report: Report = json.loads(reply)
        return report | {"published": self.state.told().get("published", {})}

    def stop(self) -> bool:
        """End the lab and wait until nothing of it runs; False when it did not run."""
        with self.alone():
            if not self.state.alive():
                return False
            pid = int(self.state.told()["pid"])
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
                if ended(pid):
                    return True
        raise LabError(f"process {pid} of the lab does not end")

    def remove(self) -> None:
        """End the lab and forget everything about it."""
        self.stop()
        shutil.rmtree(self.state.folder, ignore_errors=True)

    def entrance(self, name: str, command: Sequence[str]) -> list[str]:
        """The command line that runs a command inside a workload ("NAME" or "NAME.NAMESPACE")."""
        for pod in self.ask("status")["pods"] if self.state.alive() else ():
            if name in (pod["name"], f"{pod['name']}.{pod['namespace']}", pod["labels"].get("app")):
                return [*self.door(), "nsenter", "-t", str(pod["pid"]), "-n", "-m", "-u", "--", *command]
        raise LabError(f"no workload {name!r} runs in this lab; see: miniistiod lab status")

    def door(self) -> list[str]:
        """The command line that enters the lab itself: its router, its control plane."""
        own = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", "-t", str(self.state.told()["pid"]), *own, "-n", "-m", "-p", "--"]


@contextlib.contextmanager
def within(folder: Path) -> Iterator[None]:
    """In this working directory for a moment, since the path of a socket has 107 bytes at most."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def publications(lab: Lab) -> dict[str, int]:
    """What is published on localhost, with the port it would like: load balancers and the control plane."""
    ports = {
        f"{service.name}.{service.namespace}:{port.number}": port.node_port
        for service in lab.services
        if service.balanced
        for port in service.ports
    }
    return {**ports, CONTROL_PLANE: HTTP_PORT}


def ended(pid: int) -> bool:
    """Whether a process goes within the time it has."""
    end = time.monotonic() + SECONDS_TO_END
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False
