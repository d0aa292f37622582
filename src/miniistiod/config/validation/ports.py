"""Rules for listeners: the name and protocol of a port, the address it binds to, hosts as NAMESPACE/HOST.

Source: istio's pkg/config/validation.
"""

from __future__ import annotations

from miniistiod.config.validation import names, values
from miniistiod.config.validation.finding import Complaint, Findings, Steps, at
from miniistiod.vocab.protocol import Protocol, parsed

UNIX = "unix://"
PROTOCOLS = ", ".join(
    p.value for p in Protocol if p not in (Protocol.AUTO, Protocol.HBONE, Protocol.HTTP_PROXY)
)


def name(text: str) -> Complaint | None:
    """A port's name."""
    return names.dns_label(text, "name of a port")


def protocol(text: str) -> Complaint | None:
    """A protocol by name; without one it is detected."""
    if not text or parsed(text) is not Protocol.AUTO:
        return None
    return Complaint(f'"{text}" is no protocol', f"write one of {PROTOCOLS}")


def address(text: str) -> Complaint | None:
    """An IP address to listen on."""
    return (
        None
        if names.is_address(text)
        else Complaint(f'"{text}" is no IP address', "write it as 0.0.0.0 or ::")
    )


def socket(path: str) -> Complaint | None:
    """The path of a Unix domain socket, or an abstract one that begins with @."""
    if path.startswith("@") or (path.startswith("/") and not path.endswith("/")):
        return None
    return Complaint(f'"{path}" is no path of a socket', "write an absolute path of a file, or @name")


def endpoint(text: str) -> Complaint | None:
    """Where a sidecar hands inbound traffic to: an address of its own machine with a port, or a socket."""
    if text.startswith(UNIX):
        return socket(text.removeprefix(UNIX))
    host, colon, number = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or host not in ("", "127.0.0.1", "0.0.0.0", "::1", "::"):
        remedy = "write 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT, :PORT or unix:///path"
        return Complaint(f'"{text}" is not on the workload itself', remedy)
    if not number.isdigit():
        return Complaint(f'"{number}" is no port', "write a number from 1 to 65535")
    return values.port(int(number))


def namespaced_host(text: str, steps: Steps, *, gateway: bool) -> Findings:
    """NAMESPACE/HOST; a gateway may leave out the namespace, a Sidecar may exclude one by ~."""
    namespace, slash, host = text.partition("/")
    if not slash and not gateway:
        complaint = Complaint(f'"{text}" has no namespace', f"write ./{text}, */{text} or NAMESPACE/{text}")
        yield from at(steps, complaint)
        return
    if not slash:
        namespace, host = "*", text
    plain = namespace if gateway else namespace.removeprefix("~")
    if plain not in ("*", ".") and (plain or gateway or not namespace):
        yield from at(steps, names.dns_label(plain, "namespace"))
    if host:
        yield from at(steps, _host(host, gateway))
    else:
        yield from at(
            steps, Complaint("there is no host after the namespace", "write NAMESPACE/HOST, or NAMESPACE/*")
        )


def _host(host: str, gateway: bool) -> Complaint | None:
    if gateway and names.is_address(host):
        return None if "." in host else Complaint(f"{host} cannot stand here", "write *, or a domain name")
    if host != "*" and "." not in host:
        return Complaint(
            f'"{host}" is a short name, and nobody can tell its namespace', "write the full name"
        )
    return names.wildcard_host(host) or partial_wildcard(host)


def partial_wildcard(host: str) -> Complaint | None:
    """`*` stands for whole parts of a name."""
    if "*" not in host or host == "*" or host.startswith("*."):
        return None
    return Complaint(f'"{host}": * cannot be a part of a part', "write *.example.com")
