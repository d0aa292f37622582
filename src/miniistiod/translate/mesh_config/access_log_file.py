"""MeshConfig.accessLogFile, accessLogEncoding and accessLogFormat → a file access log."""

from __future__ import annotations

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog, AccessLogFilter
from envoy.config.core.v3.substitution_format_string_pb2 import SubstitutionFormatString
from envoy.extensions.access_loggers.file.v3.file_pb2 import FileAccessLog
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.translate.mesh_config import log_format
from miniistiod.vocab.packing import packed


def mesh_access_log(path: str, mesh: MeshConfig, only: AccessLogFilter | None = None) -> AccessLog:
    """The log of `path` in the mesh's format; `only` limits what is written."""
    return AccessLog(
        name="envoy.access_loggers.file",
        typed_config=packed(FileAccessLog(path=path, log_format=mesh_format(mesh))),
        filter=only,
    )


def mesh_format(mesh: MeshConfig) -> SubstitutionFormatString:
    """The mesh's format. A JSON format that cannot be read gives way to Istio's own."""
    if mesh.access_log_encoding == MeshConfig.AccessLogEncoding.TEXT:
        return log_format.text_format(mesh.access_log_format)
    fields = Struct()
    try:
        json_format.Parse(mesh.access_log_format or "{}", fields, ignore_unknown_fields=True)
    except json_format.ParseError:
        fields = Struct()
    return log_format.json_format(fields)
