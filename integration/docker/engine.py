"""A Docker engine of the tests' own, with the images of the labs made without any registry."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from miniistiod.lab import machine
from miniistiod.testing.live import CONFIGS

ROOT = CONFIGS.parent
PACKAGES = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "docker-compose": "docker-compose",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
}
"""Program → the package of Debian and Ubuntu it comes from."""
BASE, ENVOY = "mini-istiod-base", "mini-istiod-envoy"
TARGETS = ("control-plane", "init", "app")
CACHE = "MINIISTIOD_DOCKER_CACHE"
"""Variable with a folder in which the engine keeps its images from one run to the next."""
SECONDS = 120.0


class NoDocker(Exception):
    """Why no Docker runs here."""


@contextmanager
def engine(folder: Path) -> Iterator[dict[str, str]]:
    """A running dockerd with all images; the environment for its clients. NoDocker when it cannot be."""
    if os.geteuid() != 0:
        raise NoDocker("dockerd needs root")
    missing = sorted({PACKAGES[name] for name in PACKAGES if not shutil.which(name)})
    if missing and not machine.installed(missing):
        raise NoDocker(f"missing and not installed: {' '.join(missing)}")
    with daemon(folder) as host:
        yield with_images({**os.environ, **ports(), "DOCKER_HOST": host, "DOCKER_BUILDKIT": "0"})


@contextmanager
def daemon(folder: Path) -> Iterator[str]:
    """The address of a dockerd, with overlay2 or, where the kernel has none, vfs."""
    host, said = f"unix://{folder}/docker.sock", ""
    for driver in ("overlay2", "vfs"):
        log = folder / f"dockerd-{driver}.log"
        data = Path(os.environ.get(CACHE, folder)) / driver
        own = ("--data-root", str(data), "--exec-root", str(folder / "exec"))
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["dockerd", *own, "-p", str(folder / "pid"), "-H", host, "--storage-driver", driver],
                stdout=output,
                stderr=output,
            )
        try:
            if answers(host, process):
                yield host
                return
        finally:
            process.terminate()
            process.wait(SECONDS)
            unmounted(folder / "exec" / "netns" / "default")
        said = log.read_text(errors="replace").strip().rpartition("\n")[2]
    raise NoDocker(f"dockerd does not run on this kernel: {said}")


def unmounted(network: Path) -> None:
    """dockerd leaves the network it began in mounted, and the folder could not be removed."""
    subprocess.run(["umount", str(network)], capture_output=True, check=False)


def answers(host: str, process: subprocess.Popen[bytes]) -> bool:
    """Whether dockerd comes up."""
    end = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < end:
        if (
            subprocess.run(["docker", "-H", host, "version"], capture_output=True, check=False).returncode
            == 0
        ):
            return True
        time.sleep(0.1)
    return False


def with_images(environment: dict[str, str]) -> dict[str, str]:
    """Make the images, each once for all labs. The environment names them to the compose files."""
    environment |= {"BASE_IMAGE": BASE, "ENVOY_IMAGE": ENVOY, "BUILD_NETWORK": "host"}
    build = ["docker", "build", "-q", "--network", "host", "--build-arg", f"BASE_IMAGE={BASE}"]
    has_base = subprocess.run(
        ["docker", "image", "inspect", BASE], env=environment, capture_output=True, check=False
    )
    commands = [
        *([] if has_base.returncode == 0 else [["docker/base/make.sh", BASE]]),
        [*build, "-f", "docker/base/Dockerfile.envoy", "-t", ENVOY, "docker/base"],
        *(
            [*build, "-f", "docker/Dockerfile", "--target", target, "-t", f"mini-istiod-{target}:local", "."]
            for target in TARGETS
        ),
    ]
    for command in commands:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return environment


def ports() -> dict[str, str]:
    """Free ports on localhost for what the labs publish."""
    names = ("PORT_30080", "PORT_30443", "ISTIOD_PORT")
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    found = {name: str(sock.getsockname()[1]) for name, sock in zip(names, sockets, strict=True)}
    for sock in sockets:
        sock.close()
    return found
