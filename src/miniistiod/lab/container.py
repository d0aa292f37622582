"""Inside the containers of a compose lab: a pod is prepared, as istio-init does, and gets its token.

/config is the description of the lab, /pod what the containers of one workload share, /pods/KEY the same as
the token service sees it, /ca the authority, /reported the Pods that a control plane is told of.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import yaml

from miniistiod.ca import tokens
from miniistiod.ca.identity import Identity
from miniistiod.lab.agent import TOKEN as AGENT_TOKEN
from miniistiod.lab.agent import agent_files
from miniistiod.lab.capture import by_user, capture_of, capture_rules
from miniistiod.lab.compose import plane_name
from miniistiod.lab.description import Lab, Workload, lab_of
from miniistiod.lab.sidecar import (
    SECURE_PORT,
    TRUST_DOMAIN,
    injected_labels,
    prepare_authority,
    proxy_config,
    write_bootstrap,
)
from miniistiod.lab.state import State
from miniistiod.lab.store import Store
from miniistiod.proxy.bootstrap_statics import Discovery, token_secret
from miniistiod.server import authority_store

ENVOY_USER = 1337
TOKEN, ROOT, BOOTSTRAP, NETWORK, MEMBER = "token.json", "root-cert.pem", "bootstrap.json", "network", "member"
LOOK = 0.1
"""Seconds between two looks for a file that another container writes."""
HERE = "/proc/self/ns/net"
RUN = """\
#!/bin/sh
# Runs a program as long as this container is in the network that its pod has now. A pod that is restarted has
# another network; then the program ends, and Docker starts it again in the new one.
here=$(readlink /proc/self/ns/net)
tries=0
until [ "$(cat /pod/network 2>/dev/null)" = "$here" ]; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || exit 1
    sleep 0.1
done
"$@" &
program=$!
trap 'kill -TERM $program 2>/dev/null' TERM INT
while kill -0 $program 2>/dev/null; do
    now=$(cat /pod/network 2>/dev/null)
    if [ -n "$now" ] && [ "$now" != "$here" ]; then
        kill -TERM $program
        sleep 0.5
        kill -KILL $program 2>/dev/null
        exit 1
    fi
    sleep 1 &
    wait $!
done
wait $program
"""


def described(config: Path) -> Lab:
    """The lab of a folder."""
    return lab_of(Store(config).documents())


def prepare(workload: Workload, lab: Lab, root: Path, reported: bool) -> None:
    """Make a pod ready: rules, files of its Envoy, then the network's name, for which its members wait."""
    folder, address = root / "pod", own_address()
    (folder / NETWORK).unlink(missing_ok=True)
    folder.chmod(0o755)
    os.chown(folder, ENVOY_USER, ENVOY_USER)
    lay(rules(workload, lab))
    (folder / MEMBER).write_text(RUN)
    if workload.proxy != "none":
        discovery = Discovery(
            plane_name(workload.revision), SECURE_PORT, str(folder / ROOT), str(folder / TOKEN)
        )
        settings = proxy_config(workload, State(root))
        write_bootstrap(workload, address, folder, discovery, settings, mark=0).chmod(0o644)
        for name, text in agent_files(workload, settings):
            (folder / name).write_text(text)
        while not (folder / TOKEN).exists():
            time.sleep(LOOK)
    if reported:
        report(workload, address, root / "reported")
    (folder / NETWORK).write_text(os.readlink(HERE))


def own_address() -> str:
    """The address by which others reach this container."""
    return socket.gethostbyname(socket.gethostname())


def rules(workload: Workload, lab: Lab) -> str:
    """The nat table: capture for a sidecar, and for others what stands for a service's port."""
    if workload.proxy == "sidecar":
        return capture_rules(capture_of(workload.annotations), by_user(ENVOY_USER))
    return "\n".join(["*nat", *redirections(workload, lab), "COMMIT"]) + "\n"


def redirections(workload: Workload, lab: Lab) -> Iterator[str]:
    """A service's name leads to its workloads here, so its port must be found there too."""
    for service in lab.services:
        for port in service.ports if service.selects(workload) else ():
            target = port.target_number(workload)
            if target and target != port.number:
                yield f"-A PREROUTING -p tcp --dport {port.number} -j REDIRECT --to-ports {target}"


def lay(text: str) -> None:
    """Add the rules to what is there: without `--noflush` Docker's own DNS would be gone."""
    subprocess.run(["iptables-restore", "--noflush", "--wait"], input=text.encode(), check=True)


def report(workload: Workload, address: str, folder: Path) -> None:
    """Tell the control plane of a Pod that does not tell itself, as a kubelet would."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": workload.name,
            "namespace": workload.namespace,
            "labels": injected_labels(workload),
        },
        "spec": {
            "serviceAccountName": workload.service_account,
            "containers": [
                {
                    "name": "app",
                    "image": "app",
                    "ports": [{"name": p.name, "containerPort": p.number} for p in workload.ports],
                }
            ],
        },
        "status": {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    new = folder / f".{workload.key}.new"
    new.write_text(yaml.safe_dump(pod, sort_keys=False))
    new.replace(folder / f"{workload.key}.yaml")


def sleep_without_rights() -> None:
    """Hold the network, as nobody and with nothing allowed; the memory of Python is given back."""
    words = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all"]
    os.execvp("setpriv", ["setpriv", *words, "sleep", "infinity"])


def keep_tokens(root: Path) -> None:
    """Make the authority, then give each pod the root and a token of its own, anew in good time, for ever."""
    prepare_authority(root / "ca")
    renewed: dict[Path, float] = {}
    while True:
        for workload in described(root / "config").workloads:
            folder = root / "pods" / workload.key
            if workload.proxy != "none" and due(folder, renewed.get(folder, 0.0)):
                give(workload, folder, root / "ca")
                renewed[folder] = time.monotonic()
        time.sleep(LOOK if len(renewed) == 0 else 0.5)


def due(folder: Path, since: float) -> bool:
    """Whether a pod that lets us write wants a token: it has none, or an old one."""
    old = time.monotonic() - since > tokens.LIFETIME.total_seconds() / 3
    return os.access(folder, os.W_OK) and (old or not (folder / TOKEN).exists())


def give(workload: Workload, folder: Path, authority: Path) -> None:
    """Write the root and the token, as Envoy and as istio's agent reads it; both see them replaced."""
    (folder / ROOT).write_bytes((authority / authority_store.ROOT).read_bytes())
    identity = Identity(TRUST_DOMAIN, workload.namespace, workload.service_account)
    claims = tokens.service_account_claims(identity, datetime.now(UTC))
    token = tokens.minted(claims, authority_store.token_key(authority))
    authority_store.secret_file(folder / AGENT_TOKEN, token.encode())
    authority_store.secret_file(folder / TOKEN, token_secret(token).encode())
