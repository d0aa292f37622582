"""One connection from inside a workload, told as JSON: `python -I probe.py '{"host": ..., "port": ...}'`.

Only the standard library, since it starts once for each connection. With `tls` the certificate is not judged
here, only reported: who is served what is what the tests are about.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import sys
from typing import Any

SECONDS = 60


def context(order: dict[str, Any]) -> ssl.SSLContext:
    """TLS as ordered: `versions` (lowest, highest), `ciphers`, `alpn`, `credential` (a PEM file)."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    lowest, highest = order.get("versions") or ("TLSv1_2", "TLSv1_3")
    tls.minimum_version, tls.maximum_version = ssl.TLSVersion[lowest], ssl.TLSVersion[highest]
    if order.get("ciphers"):
        tls.set_ciphers(order["ciphers"])
    if order.get("alpn"):
        tls.set_alpn_protocols(order["alpn"])
    if order.get("credential"):
        tls.load_cert_chain(order["credential"])
    return tls


def asked(connection: socket.socket, order: dict[str, Any]) -> dict[str, Any]:
    """One request over the connection, or just the bytes of `say`, and what comes back with their echo."""
    if "say" in order:
        said, heard = order["say"].encode(), b""
        connection.sendall(said)
        while not heard.endswith(said) and (more := connection.recv(65536)):
            heard += more
        return {"body": heard.decode("utf-8", "replace")}
    client = http.client.HTTPConnection(order["host"], order["port"])
    client.sock = connection
    headers = {"host": order["host"], **order.get("headers", {})}
    client.request(order.get("method", "GET"), order.get("path", "/"), headers=headers)
    reply = client.getresponse()
    return {
        "status": reply.status,
        "headers": {name.lower(): value for name, value in reply.getheaders()},
        "body": reply.read().decode("utf-8", "replace"),
    }


def told(order: dict[str, Any]) -> dict[str, Any]:
    """All that is known of the connection; `error` says where it ended before its time."""
    found: dict[str, Any] = {}
    try:
        with contextlib.ExitStack() as stack:
            plain = socket.create_connection((order.get("address", order["host"]), order["port"]), SECONDS)
            connection = stack.enter_context(plain)
            if order.get("tls"):
                name = order.get("sni", order["host"]) or None
                secure = stack.enter_context(context(order).wrap_socket(plain, server_hostname=name))
                served = ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True) or b"")
                found |= {"protocol": secure.version(), "cipher": (secure.cipher() or ("",))[0]}
                found |= {"alpn": secure.selected_alpn_protocol() or "", "certificate": served}
                connection = secure
            found |= asked(connection, order)
    except (OSError, http.client.HTTPException) as error:
        found["error"] = f"{type(error).__name__}: {error}"
    return found


if __name__ == "__main__":
    print(json.dumps(told(json.loads(sys.argv[1]))))
