"""Retries and timeouts that work against each other."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.duration_pb2 import Duration

from miniistiod.analysis.message import INFO, WARNING, message
from miniistiod.analysis.world import World
from miniistiod.api.istio.networking.virtual_service_pb2 import HTTPRoute
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.mesh.virtual_services import MergedVirtualService


def analyser(world: World) -> Iterator[Diagnostic]:
    """Both mistakes, in every rule that says how often to try."""
    for rule in world.mesh.virtual_services.rules:
        if rule.gateway_api or len(rule.sources) > 1:
            continue
        for index, route in enumerate(rule.message.http):
            if route.HasField("retries") and route.retries.attempts > 0:
                path = f"spec.http[{index}]"
                yield from too_short(rule, path, route)
                yield from without_ejection(rule, path, route, world)


def too_short(rule: MergedVirtualService, path: str, route: HTTPRoute) -> Iterator[Diagnostic]:
    """A timeout that ends the whole before the last try has had its time."""
    tries = route.retries.attempts + 1
    whole, each = seconds(route.timeout), seconds(route.retries.per_try_timeout)
    if whole and each and whole < route.retries.attempts * each:
        yield message(
            WARNING,
            "short-timeout",
            rule.origin,
            f"{path}.timeout",
            f"timeout {whole:g}s is shorter than {tries - 1} attempts x perTryTimeout {each:g}s",
            "slow requests get 504 (UT) before the last retry",
            f"raise the timeout to {tries * each:g}s (the first try included), or try less often",
        )


def seconds(time: Duration) -> float:
    """A duration as a number."""
    return time.seconds + time.nanos / 1e9


def without_ejection(
    rule: MergedVirtualService, path: str, route: HTTPRoute, world: World
) -> Iterator[Diagnostic]:
    """Retries while no failing endpoint is ever left out."""
    for to in route.route:
        service = world.service(to.destination.host, rule.namespace)
        if service is None:
            continue
        rules = world.mesh.destination_rules.rules(service, rule.namespace)
        policies = [r.message.traffic_policy for r in rules]
        policies += [s.traffic_policy for r in rules for s in r.message.subsets]
        policies_of_ports = [p for policy in policies for p in policy.port_level_settings]
        if not any(p.HasField("outlier_detection") for p in (*policies, *policies_of_ports)):
            yield message(
                INFO,
                "retries-without-outlier-detection",
                rule.origin,
                f"{path}.retries",
                f"requests to {to.destination.host} are tried again, and no failing endpoint is ejected",
                "an endpoint that fails stays in use, and every retry may meet it again (503, URX)",
                "add trafficPolicy.outlierDetection to the DestinationRule of the host",
            )
            return
