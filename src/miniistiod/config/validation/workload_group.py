"""WorkloadGroup: its template, its labels and its probe.

Source: ValidateWorkloadGroup in istio's pkg/config/validation.
"""

from __future__ import annotations

from miniistiod.api.istio.networking.workload_group_pb2 import ReadinessProbe, WorkloadGroup
from miniistiod.config.objects import Object
from miniistiod.config.validation import headers, names, values
from miniistiod.config.validation.finding import Findings, Steps, at, error

COUNTS = {
    "period_seconds": "periodSeconds",
    "initial_delay_seconds": "initialDelaySeconds",
    "timeout_seconds": "timeoutSeconds",
    "success_threshold": "successThreshold",
    "failure_threshold": "failureThreshold",
}


def rules(one: Object[WorkloadGroup]) -> Findings:
    """Everything the webhook says about a WorkloadGroup."""
    group = one.message
    if not group.HasField("template"):
        yield from error((), "a WorkloadGroup needs a template", "add template: {serviceAccount: ...}")
        return
    yield from names.labels(group.metadata.labels, ("metadata", "labels"))
    if group.HasField("probe"):
        yield from _probe(group.probe, ("probe",))


def _probe(probe: ReadinessProbe, steps: Steps) -> Findings:
    for field, name in COUNTS.items():
        yield from at((*steps, name), values.not_negative(getattr(probe, field)))
    method = probe.WhichOneof("health_check_method")
    if method == "http_get":
        yield from _http_get(probe, (*steps, "httpGet"))
    elif method == "tcp_socket":
        yield from at((*steps, "tcpSocket", "port"), values.port(probe.tcp_socket.port))
    elif method == "exec":
        if not probe.exec.command:
            yield from error((*steps, "exec"), "there is no command", "add command")
    else:
        yield from error(
            steps, "istiod does not know how to probe by this", "write httpGet, tcpSocket or exec"
        )


def _http_get(probe: ReadinessProbe, steps: Steps) -> Findings:
    yield from at((*steps, "port"), values.port(probe.http_get.port))
    scheme = probe.http_get.scheme
    if scheme not in ("", "HTTP", "HTTPS"):
        yield from error((*steps, "scheme"), f'"{scheme}" is no scheme of a probe', "write HTTP or HTTPS")
    for index, header in enumerate(probe.http_get.http_headers):
        yield from at((*steps, "httpHeaders", index, "name"), headers.probe(header.name))
