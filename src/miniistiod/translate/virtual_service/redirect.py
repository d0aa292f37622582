"""HTTPRedirect → RedirectAction."""

from __future__ import annotations

from envoy.config.route.v3.route_components_pb2 import RedirectAction

from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPRedirect

CODES = {
    0: RedirectAction.MOVED_PERMANENTLY,
    301: RedirectAction.MOVED_PERMANENTLY,
    302: RedirectAction.FOUND,
    303: RedirectAction.SEE_OTHER,
    307: RedirectAction.TEMPORARY_REDIRECT,
    308: RedirectAction.PERMANENT_REDIRECT,
}
DEFAULT_PORTS = {"http": 80, "https": 443}


def redirect_action(redirect: HTTPRedirect, port: int, tls: bool) -> RedirectAction | None:
    """The redirect, or None for a code that Envoy does not know.

    `port` is the one the route belongs to and `tls` whether it is reached over TLS. The path is written even
    when empty; it then stays as it is.
    """
    if redirect.redirect_code not in CODES:
        return None
    action = RedirectAction(
        host_redirect=redirect.authority,
        port_redirect=_port(redirect, port, tls),
        response_code=CODES[redirect.redirect_code],
    )
    if redirect.prefix_rewrite:
        action.prefix_rewrite = redirect.prefix_rewrite
    else:
        action.path_redirect = redirect.uri
    if redirect.scheme:
        action.scheme_redirect = redirect.scheme
    return action


def _port(redirect: HTTPRedirect, port: int, tls: bool) -> int:
    """0 leaves the port out of the location; the default port of the scheme is left out too."""
    match redirect.WhichOneof("redirect_port"):
        case "port":
            wanted = redirect.port
        case "derive_port" if redirect.derive_port == HTTPRedirect.FROM_REQUEST_PORT:
            wanted = port
        case _:
            return 0
    scheme = redirect.scheme or ("https" if tls else "http")
    return 0 if DEFAULT_PORTS.get(scheme) == wanted else wanted
