"""An external authorizer, over HTTP and gRPC: a request passes when it has the header `x-ext-authz: allow`.

The headers it adds and its words are those of Istio's sample, so that its exercises can be done here. It
tells its inspector what it was asked; a TCP connection has no headers and passes by its caller's identity.
"""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
from envoy.config.core.v3 import base_pb2
from envoy.service.auth.v3 import external_auth_pb2
from envoy.type.v3 import http_status_pb2
from google.rpc import code_pb2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from miniistiod.lab.apps.recorder import Recorder

ASKED = "x-ext-authz"
ALLOW = "allow"
RESULT = "x-ext-authz-check-result"
REFUSED = "denied by ext_authz for not found header `x-ext-authz: allow` in the request"
TRUSTED = "/sa/client"
"""How the identity of a caller ends whose TCP connections pass."""
SERVICE = "envoy.service.auth.v3.Authorization"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def authorizer() -> Starlette:
    """The HTTP side: the question is the request itself, the answer is its status."""

    async def asked(request: Request) -> Response:
        if request.headers.get(ASKED) == ALLOW:
            return PlainTextResponse("", headers={RESULT: "allowed"})
        return PlainTextResponse(REFUSED, 403, headers={RESULT: "denied"})

    return Starlette(routes=[Route("/{path:path}", asked, methods=METHODS)])


def verdict(request: external_auth_pb2.CheckRequest) -> external_auth_pb2.CheckResponse:
    """The gRPC side's answer."""
    attributes = request.attributes
    if not attributes.request.HasField("http"):
        passes = attributes.source.principal.endswith(TRUSTED)
    else:
        passes = attributes.request.http.headers.get(ASKED) == ALLOW
    result = base_pb2.HeaderValueOption(
        header=base_pb2.HeaderValue(key=RESULT, value="allowed" if passes else "denied")
    )
    answer = external_auth_pb2.CheckResponse()
    if passes:
        answer.ok_response.headers.append(result)
        return answer
    answer.status.code = code_pb2.PERMISSION_DENIED
    answer.denied_response.status.code = http_status_pb2.Forbidden
    answer.denied_response.headers.append(result)
    answer.denied_response.body = REFUSED
    return answer


async def grpc_authorizer(recorder: Recorder, port: int) -> None:
    """Serve the gRPC side on this port until cancelled."""

    async def check(request: external_auth_pb2.CheckRequest, call: Any) -> Any:
        http = request.attributes.request.http
        source = request.attributes.source.principal
        recorder.seen(method=http.method, path=http.path, headers=dict(http.headers), source=source)
        return verdict(request)

    handler = grpc.unary_unary_rpc_method_handler(
        check,
        request_deserializer=external_auth_pb2.CheckRequest.FromString,
        response_serializer=external_auth_pb2.CheckResponse.SerializeToString,
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Check": handler}),))
    server.add_insecure_port(f"0.0.0.0:{port}")
    await server.start()
    await server.wait_for_termination()
