"""accessLogFormat and the providers' formats → Envoy's SubstitutionFormatString.

Istio's own formats stand in when the user gives none; text always ends its line.
"""

from __future__ import annotations

from collections.abc import Iterable

from envoy.config.core.v3.base_pb2 import DataSource
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.core.v3.substitution_format_string_pb2 import JsonFormatOptions, SubstitutionFormatString
from envoy.extensions.formatter.req_without_query.v3.req_without_query_pb2 import ReqWithoutQuery
from google.protobuf.struct_pb2 import Struct

from miniistiod.vocab.packing import packed

TEXT = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" '
    "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "
    '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% '
    '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" '
    '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% '
    "%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% "
    "%REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"
)
"""Istio's text format of one access log line."""

JSON_FIELDS = {
    "start_time": "%START_TIME%",
    "route_name": "%ROUTE_NAME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "response_code": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration": "%DURATION%",
    "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%",
    "user_agent": "%REQ(USER-AGENT)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "authority": "%REQ(:AUTHORITY)%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
}
"""The same line as a JSON object."""

_REQ_WITHOUT_QUERY = "%REQ_WITHOUT_QUERY"


def text_format(text: str = "", *, omit_empty: bool = False) -> SubstitutionFormatString:
    """A line of text; "" is Istio's own format."""
    line = _ended(text) if text else TEXT
    return SubstitutionFormatString(
        text_format_source=DataSource(inline_string=line),
        formatters=formatters((line,)),
        omit_empty_values=omit_empty,
    )


def json_format(fields: Struct | None = None, *, omit_empty: bool = False) -> SubstitutionFormatString:
    """An object for each request; without fields it is Istio's own."""
    chosen = fields if fields is not None and fields.fields else _istio_fields()
    return SubstitutionFormatString(
        json_format=chosen,
        json_format_options=JsonFormatOptions(sort_properties=False),
        formatters=formatters(strings(chosen)),
        omit_empty_values=omit_empty,
    )


def formatters(texts: Iterable[str]) -> list[TypedExtensionConfig]:
    """The extensions that the commands in these texts need."""
    if any(_REQ_WITHOUT_QUERY in text for text in texts):
        return [
            TypedExtensionConfig(
                name="envoy.formatter.req_without_query", typed_config=packed(ReqWithoutQuery())
            )
        ]
    return []


def strings(fields: Struct) -> list[str]:
    """The texts directly in the object; Istio looks no deeper for commands."""
    return [value.string_value for value in fields.fields.values()]


def _ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def _istio_fields() -> Struct:
    made = Struct()
    made.update(JSON_FIELDS)
    return made
