"""Where a lab keeps its things: config, logs, sockets, keys; and whether it runs."""

from __future__ import annotations

import fcntl
import json
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

CONTROL_PLANE = "mini-istiod"
"""The control plane's name in logs, reports and among what is published."""


@dataclass(frozen=True, slots=True)
class State:
    """The state directory of one lab."""

    folder: Path

    @property
    def config(self) -> Path:
        """The objects that mini-istiod serves."""
        return self.folder / "config"

    @property
    def logs(self) -> Path:
        """One file for each process."""
        return self.folder / "logs"

    @property
    def reported(self) -> Path:
        """What a kubelet would report: the Pods without a sidecar, with their addresses."""
        return self.folder / "reported"

    @property
    def keys(self) -> Path:
        """The certificate authority of the lab."""
        return self.folder / "ca"

    @property
    def secrets(self) -> Path:
        """Certificates and keys that rules may name as files."""
        return self.folder / "secrets"

    @property
    def lock(self) -> Path:
        """Held by the supervisor as long as it lives."""
        return self.folder / "lab.lock"

    @property
    def control(self) -> Path:
        """The supervisor's socket."""
        return self.folder / "lab.sock"

    @property
    def facts(self) -> Path:
        """What the supervisor tells of itself, as JSON: pid, published."""
        return self.folder / "lab.json"

    def pod(self, key: str) -> Path:
        """The files of one workload."""
        return self.folder / "pods" / key

    def made(self) -> State:
        """The same, with its folders in place; only their owner may look in."""
        folders = (self.folder, self.config, self.reported, self.logs, self.secrets, self.folder / "pods")
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self

    def told(self) -> dict[str, Any]:
        """The content of `facts`; {} when there is none."""
        try:
            facts = json.loads(self.facts.read_text())
        except (OSError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def alive(self) -> bool:
        """Whether a supervisor runs: nobody else holds the lock, and the kernel takes it from the dead."""
        if not self.lock.exists():
            return False
        with self.lock.open("a") as file:
            return not locked(file)


def locked(file: IO[Any]) -> bool:
    """Take the lock of an open file if it is free; it is given back when the file is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
