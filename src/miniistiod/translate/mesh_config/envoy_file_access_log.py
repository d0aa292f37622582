"""extensionProviders[].envoyFileAccessLog → a file access log."""

from __future__ import annotations

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog
from envoy.config.core.v3.substitution_format_string_pb2 import SubstitutionFormatString
from envoy.extensions.access_loggers.file.v3.file_pb2 import FileAccessLog

from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.translate.mesh_config import log_format
from miniistiod.vocab.packing import packed

EnvoyFileAccessLog = MeshConfig.ExtensionProvider.EnvoyFileAccessLogProvider
STDOUT = "/dev/stdout"


def file_access_log(provider: EnvoyFileAccessLog) -> AccessLog:
    """The log as the provider formats it; without a path it goes to the proxy's standard output."""
    return AccessLog(
        name="envoy.access_loggers.file",
        typed_config=packed(FileAccessLog(path=provider.path or STDOUT, log_format=_format(provider))),
    )


def _format(provider: EnvoyFileAccessLog) -> SubstitutionFormatString:
    if provider.log_format.HasField("labels"):
        return log_format.json_format(provider.log_format.labels, omit_empty=provider.omit_empty_values)
    return log_format.text_format(provider.log_format.text, omit_empty=provider.omit_empty_values)
