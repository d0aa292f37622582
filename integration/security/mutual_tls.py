"""The clients and servers of the mutual TLS matrix, and what Istio's rules say of each pair.

The expectation is a model of its own, made from the rules and not from our output: which mode a server has
(port before workload before namespace before mesh), what a client puts on the wire, and what becomes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Mode = Literal["STRICT", "PERMISSIVE", "DISABLE", "UNSET"]
MODES: tuple[Mode, ...] = ("STRICT", "PERMISSIVE", "DISABLE", "UNSET")
Wire = Literal["plaintext", "mesh TLS", "TLS without certificate", "TLS with certificate"]

PORT, OTHER_PORT = 8000, 8001
NO_SIDECAR = "no sidecar"


@dataclass(frozen=True, slots=True)
class Sender:
    """A column: a client's workload, and the TLS that a DestinationRule orders; "" is auto mTLS."""

    title: str
    workload: str
    tls: str = ""
    identity: str = ""

    @property
    def suffix(self) -> str:
        """What distinguishes the name of the Service that this client calls."""
        return f"-{self.tls}".lower().replace("_", "-") if self.tls else ""


SENDERS = (
    Sender("no sidecar", "outsider"),
    Sender("auto mTLS", "client", identity="default/client"),
    Sender("DISABLE", "client", "DISABLE"),
    Sender("SIMPLE", "client", "SIMPLE"),
    Sender("MUTUAL", "client", "MUTUAL", "partners/partner"),
    Sender("ISTIO_MUTUAL", "client", "ISTIO_MUTUAL", "default/client"),
)


@dataclass(frozen=True, slots=True)
class Receiver:
    """A row: the modes set at each level (None: nothing said there), and the port that is called."""

    mesh: Mode | None = None
    namespace: Mode | None = None
    workload: Mode | None = None
    port: Mode | None = None
    called: int = PORT
    sidecar: bool = True

    @property
    def title(self) -> str:
        """The row's name in the table."""
        levels = {level: getattr(self, level) for level in ("mesh", "namespace", "workload", "port")}
        said = ", ".join(f"{level} {mode}" for level, mode in levels.items() if mode)
        return (said or "no policy") + ("; another port" if self.called == OTHER_PORT else "")

    @property
    def outer(self) -> Mode:
        """The mode that mesh and namespace give: what a client knows of a whole service."""
        return next((mode for mode in (self.namespace, self.mesh) if mode and mode != "UNSET"), "PERMISSIVE")

    @property
    def mode(self) -> str:
        """The mode in force on the port that is called."""
        if not self.sidecar:
            return NO_SIDECAR
        inner = (self.port if self.called == PORT else None, self.workload)
        return next((mode for mode in inner if mode and mode != "UNSET"), self.outer)

    def policies(self) -> Iterator[str]:
        """The PeerAuthentications."""
        if self.mesh:
            yield policy("istio-system", "mesh", f"mtls: {{mode: {self.mesh}}}")
        if self.namespace:
            yield policy("default", "namespace", f"mtls: {{mode: {self.namespace}}}")
        if self.workload or self.port:
            spec = "selector: {matchLabels: {app: httpbin}}"
            spec += f", mtls: {{mode: {self.workload}}}" if self.workload else ""
            spec += f", portLevelMtls: {{{PORT}: {{mode: {self.port}}}}}" if self.port else ""
            yield policy("default", "workload", spec)


def policy(namespace: str, name: str, spec: str) -> str:
    """One PeerAuthentication."""
    head = "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\n"
    return f"{head}metadata: {{name: {name}, namespace: {namespace}}}\nspec: {{{spec}}}\n"


def receivers() -> Iterator[Receiver]:
    """All rows: each mode at each level alone, then the levels against each other, then no sidecar."""
    yield Receiver()
    for level in ("mesh", "namespace", "workload"):
        yield from (Receiver(**{level: mode}) for mode in MODES)
    for mode in MODES:
        yield Receiver(port=mode)
        yield Receiver(port=mode, called=OTHER_PORT)
    yield from (Receiver(mesh="STRICT", namespace=mode) for mode in MODES)
    yield from (Receiver(namespace="STRICT", workload=mode) for mode in MODES)
    yield from (Receiver(namespace="DISABLE", workload=mode) for mode in MODES)
    for mode in MODES:
        yield Receiver(workload="STRICT", port=mode)
        yield Receiver(workload="DISABLE", port=mode)
    yield from (Receiver(sidecar=False), Receiver(mesh="STRICT", sidecar=False))


def wire(sender: Sender, receiver: Receiver, auto: bool = True) -> Wire:
    """What a client sends.

    Auto mTLS looks at two things: a namespace or mesh that says DISABLE makes the whole service plaintext,
    even where a workload of it says STRICT; else each endpoint tells whether its port takes mutual TLS.
    """
    ordered: Mapping[str, Wire] = {
        "DISABLE": "plaintext",
        "SIMPLE": "TLS without certificate",
        "MUTUAL": "TLS with certificate",
        "ISTIO_MUTUAL": "mesh TLS",
    }
    if sender.tls:
        return ordered[sender.tls]
    if sender.workload == "outsider" or not auto or receiver.outer == "DISABLE":
        return "plaintext"
    return "mesh TLS" if receiver.mode in ("STRICT", "PERMISSIVE") else "plaintext"


TAKEN: Mapping[tuple[Wire, str], bool] = {
    ("plaintext", "PERMISSIVE"): True,
    ("plaintext", "DISABLE"): True,
    ("plaintext", NO_SIDECAR): True,
    ("mesh TLS", "STRICT"): True,
    ("mesh TLS", "PERMISSIVE"): True,
    # A permissive HTTP port has TLS only for the protocols of the mesh; a strict one asks for a certificate
    # of the mesh's authority, and does not mind who opened the connection.
    ("TLS with certificate", "STRICT"): True,
}


def outcome(sender: Sender, receiver: Receiver, auto: bool = True) -> str:
    """What the table must say of a pair."""
    sent, mode = wire(sender, receiver, auto), receiver.mode
    if TAKEN.get((sent, mode)):
        return "plaintext" if sent == "plaintext" else f"mTLS as {sender.identity}"
    return f"refused {flag(sender, sent, mode)}"


def flag(sender: Sender, sent: Wire, mode: str) -> str:
    """How a refusal is seen: a workload without Envoy only sees its connection closed.

    UF is a connection that does not come about, and Envoy tries it twice more (URX). UC is one that comes
    about and is closed then: plaintext that no filter chain takes, or in TLS 1.3, where the client is done
    before the server has looked at its certificate, a handshake without one.
    """
    if sender.workload == "outsider":
        return "closed"
    late = sent == "plaintext" or (sent == "TLS without certificate" and mode == "STRICT")
    return "503 UC" if late else "503 URX,UF"
