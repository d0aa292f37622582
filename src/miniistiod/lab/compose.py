"""A lab's description → the text of its docker-compose.yaml, for docker-compose 1.29 and the v2 plugin.

A workload is three kinds of container: NAME-pod owns the network, lays the capture rules and then sleeps;
NAME is the program and NAME-proxy its Envoy, both in the network of the pod. See docker/README.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from miniistiod.lab import observed
from miniistiod.lab.description import Container, Document, Lab, Service, Workload, lab_of, strings
from miniistiod.lab.names import DOMAIN
from miniistiod.lab.programs import played, port

REVISIONS = "lab.mini-istiod.io/revisions"
"""Annotation of the Namespace istio-system: further control planes, separated by commas."""
USER = "1337:1337"
"""Control plane and Envoys, as in Istio; the capture rules know Envoy by it."""
IMAGE = "mini-istiod-{}:${{MINIISTIOD_TAG:-local}}"
CONFIG = "./config:/config:ro"
HEADER = """\
# Made from config/ by: miniistiod lab compose {folder}
# Change config/ and make it again; a test compares. docker/README.md explains the parts.

"""
MEMBER = ["sh", "-c", 'until [ -s /pod/member ]; do sleep 0.1; done; exec sh /pod/member "$$@"', "sh"]
"""The entrypoint of what lives in a pod's network: a script that the pod lays down, see container.py."""
READY = (
    "exec 3<>/dev/tcp/127.0.0.1/15021 && "
    "printf 'GET /healthz/ready HTTP/1.1\\r\\nhost: lab\\r\\nconnection: close\\r\\n\\r\\n' >&3 && "
    "read -r _ status _ <&3 && test $$status = 200"
)
"""Envoy's readiness, asked with what its image has: a shell."""
CONTROL_PLANE = (
    "until [ -s /ca/token-key.pem ]; do sleep 0.1; done; exec miniistiod serve --config /config "
    "--config /reported --ca-directory /ca --grpc-address= --secure-grpc-address=0.0.0.0:15012 "
    "--http-address=0.0.0.0:8080 --monitoring-address=0.0.0.0:15014"
)


def compose(documents: Iterable[Document], folder: str) -> str:
    """The whole file. `folder` is where it will lie, for the comment at its head."""
    documents = list(documents)
    lab = lab_of(documents)
    revisions = further_revisions(documents)
    services = [("control-plane", plane("", lab)), *(("control-plane", plane(r, lab)) for r in revisions)]
    services.append(("control-plane", token_service(lab)))
    for workload in lab.workloads:
        services += [("pod", pod(workload, lab, bool(revisions)))]
        services += [("app", app(workload, c)) for c in workload.containers if runs(c)]
        services += [("proxy", sidecar(workload))] if workload.proxy != "none" else []
    parts = [HEADER.format(folder=folder)]
    parts += [f"x-{name}: &{name}\n{indented(shared, 2)}\n" for name, shared in SHARED.items()]
    parts.append("services:\n")
    for role, service in services:
        own = {key: value for key, value in service.items() if key != "name"}
        parts.append(f"  {service['name']}:\n    <<: *{role}\n{indented(own, 4)}\n")
    parts += [f"  {name}:\n{indented(part, 4)}\n" for name, part in observed.SERVICES.items()]
    volumes = ["ca", "reported", *(volume(w) for w in lab.workloads)]
    return "".join(parts) + "volumes:\n" + "".join(f"  {name}:\n" for name in volumes)


class Plain(yaml.SafeDumper):
    """Without anchors, and short lists of words in one line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_sequence(
        self, tag: str, sequence: Any, flow_style: bool | None = None
    ) -> yaml.SequenceNode:
        return super().represent_sequence(tag, sequence, sum(map(len, map(str, sequence))) < 200)


def indented(value: Mapping[str, Any], spaces: int) -> str:
    """YAML, moved to the right."""
    text = yaml.dump(dict(value), Dumper=Plain, sort_keys=False, width=1000)
    return "".join(" " * spaces + line + "\n" for line in text.splitlines())


def build(target: str) -> dict[str, Any]:
    """How an image is made on the first `up`."""
    return {
        "context": "../../..",
        "dockerfile": "docker/Dockerfile",
        "target": target,
        "network": "${BUILD_NETWORK:-default}",
        "args": {"BASE_IMAGE": "${BASE_IMAGE:-python:3.11.13-slim-bookworm}"},
    }


def common(target: str) -> dict[str, Any]:
    """What all containers of an image of ours have."""
    return {
        "image": IMAGE.format(target),
        "build": build(target),
        "restart": "always",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }


SHARED: Mapping[str, Mapping[str, Any]] = {
    "control-plane": common("control-plane"),
    "pod": common("init")
    | {"cap_add": ["NET_ADMIN", "NET_RAW", "CHOWN", "DAC_OVERRIDE", "FOWNER", "SETUID", "SETGID", "SETPCAP"]},
    "app": common("app") | {"entrypoint": MEMBER},
    "proxy": {
        "image": "${ENVOY_IMAGE:-envoyproxy/envoy:v1.36.4}",
        "restart": "always",
        "user": USER,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "entrypoint": MEMBER,
        "command": [
            *("envoy", "-c", "/pod/bootstrap.json", "--concurrency", "1", "--disable-hot-restart"),
            *("--log-level", "warning", "--component-log-level", "misc:error"),
            *("--file-flush-interval-msec", "50", "--drain-time-s", "5"),
        ],
        "healthcheck": {
            "test": ["CMD", "bash", "-c", READY],
            "interval": "10s",
            "timeout": "5s",
            "retries": 3,
        },
    },
}


def further_revisions(documents: Iterable[Document]) -> list[str]:
    """The revisions besides the default one."""
    given = (d["metadata"] for d in documents if d["kind"] == "Namespace")
    texts = (strings(each.get("annotations")).get(REVISIONS, "") for each in given)
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def plane(revision: str, lab: Lab) -> dict[str, Any]:
    """One control plane. The first one's pages are published."""
    name = plane_name(revision)
    names = [f"{name}.istio-system", f"{name}.istio-system.svc", f"{name}.istio-system.svc.{DOMAIN}"]
    found: dict[str, Any] = {
        "name": name,
        "command": ["sh", "-c", CONTROL_PLANE],
        "volumes": [CONFIG, "ca:/ca", "reported:/reported"],
        "networks": {"default": {"aliases": names}},
    }
    return found if revision else found | {"ports": ["127.0.0.1:${ISTIOD_PORT:-8080}:8080"]}


def plane_name(revision: str) -> str:
    """The name by which proxies of a revision find their control plane."""
    return "istiod" if revision in ("", "default") else f"istiod-{revision}"


def token_service(lab: Lab) -> dict[str, Any]:
    """Who gives each pod its own token, as a kubelet does; the key is only here and in the control plane."""
    return {
        "name": "tokens",
        "command": ["miniistiod", "lab", "tokens"],
        "network_mode": "none",
        "volumes": [CONFIG, "ca:/ca", *(f"{volume(w)}:/pods/{w.key}" for w in lab.workloads)],
        "healthcheck": {"test": ["CMD", "test", "-s", "/ca/token-key.pem"], "interval": "10s"},
    }


def pod(workload: Workload, lab: Lab, all_reported: bool) -> dict[str, Any]:
    """The container that owns a workload's network and names."""
    reported = all_reported or workload.proxy == "none"
    published = [
        f"127.0.0.1:${{PORT_{p.node_port}:-{p.node_port}}}:{p.target_number(workload) or p.target}"
        for service in lab.services
        if service.balanced and service.selects(workload)
        for p in service.ports
        if p.node_port
    ]
    return {
        "name": f"{called(workload)}-pod",
        "hostname": workload.name,
        "command": [workload.key, *(["--reported"] if reported else [])],
        "depends_on": ["istiod", "tokens"],
        "volumes": [CONFIG, f"{volume(workload)}:/pod", *(["reported:/reported"] if reported else [])],
        "networks": {"default": {"aliases": list(aliases(workload, lab))}},
        **({"ports": published} if published else {}),
    }


def aliases(workload: Workload, lab: Lab) -> Iterator[str]:
    """The names that lead to this workload: of its services, and those of the outside world it plays."""
    for service in lab.services:
        if service.selects(workload):
            yield from service_names(service, lab)
            yield from (name for name in service.hostnames if not name.startswith("*"))
    yield from workload.hostnames
    if workload.proxy != "none":
        yield observed.PROXIES


def service_names(service: Service, lab: Lab) -> Iterator[str]:
    """NAME, where no other namespace has the same, and its longer forms."""
    if service.namespace == "default" or sum(s.name == service.name for s in lab.services) == 1:
        yield service.name
    name = f"{service.name}.{service.namespace}"
    yield from (name, f"{name}.svc", f"{name}.svc.{DOMAIN}")


def member(workload: Workload) -> dict[str, Any]:
    """What a container needs to live in the network of a pod."""
    return {
        "network_mode": f"service:{called(workload)}-pod",
        "depends_on": [f"{called(workload)}-pod"],
        "volumes": [f"{volume(workload)}:/pod:ro"],
    }


def app(workload: Workload, container: Container) -> dict[str, Any]:
    """One program of a workload: the first has the workload's name."""
    first = container is next(c for c in workload.containers if runs(c))
    role = played(container)
    words = (
        ["python", "-m", "miniistiod.lab.apps", *role, *port(container, role)]
        if role
        else [*container.command, *container.args]
    )
    return {
        "name": called(workload) if first else f"{called(workload)}-{container.name}",
        "command": words,
        **({"environment": dict(container.env)} if container.env else {}),
        **member(workload),
    }


def runs(container: Container) -> bool:
    """Whether a container is a program to start; a gateway's `auto` image is its Envoy."""
    return container.image != "auto" and bool(played(container) or container.command)


def sidecar(workload: Workload) -> dict[str, Any]:
    """The Envoy of a workload."""
    return {"name": f"{called(workload)}-proxy", **member(workload)}


def called(workload: Workload) -> str:
    """A workload's name in the file."""
    return workload.name


def volume(workload: Workload) -> str:
    """The volume through which the containers of one workload know each other."""
    return f"pod-{called(workload)}"
