"""Extension providers whose service is not there, and policies that ask one that cannot be asked."""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.analysis.authorizations import in_reach
from miniistiod.analysis.message import ERROR, message
from miniistiod.analysis.world import World
from miniistiod.api.istio.mesh.config_pb2 import MeshConfig
from miniistiod.api.istio.security.authorization_policy_pb2 import AuthorizationPolicy
from miniistiod.config.diagnostics import Diagnostic
from miniistiod.config.objects import Object
from miniistiod.generate.authorization_providers import EXTERNAL, mesh_providers
from miniistiod.mesh.collectors import located

Provider = MeshConfig.ExtensionProvider
Custom = Object[AuthorizationPolicy]
REFUSED = "requests that the policy matches get 403 (RBAC: access denied)"


def analyser(world: World) -> Iterator[Diagnostic]:
    """All three mistakes."""
    for layer in world.of("MeshConfig"):
        for index, provider in enumerate(layer.message.extension_providers):
            fault = service_fault(provider, world)
            if fault:
                external = provider.WhichOneof("provider") in EXTERNAL
                yield message(
                    ERROR,
                    "provider-service",
                    layer,
                    f"spec.extensionProviders[{index}]",
                    f"provider {provider.name} cannot be asked: {fault}",
                    REFUSED if external else "what it should get is lost: no access logs, no traces by it",
                    "write the service as NAMESPACE/HOST with one of its ports, and see that it is there",
                )
    asking = [p for p in world.store.of(AuthorizationPolicy) if is_custom(p)]
    usable = mesh_providers(world.mesh.settings, world.mesh.services).asked
    for policy in asking:
        if policy.message.provider.name not in usable:
            yield unusable(policy, sorted(usable))
    yield from several(asking, world)


def is_custom(policy: Custom) -> bool:
    """Whether it asks a provider."""
    return bool(policy.message.action == AuthorizationPolicy.CUSTOM)


def service_fault(provider: Provider, world: World) -> str:
    """Why the provider's service cannot be called; "" when it can, or when there is none to call."""
    which = provider.WhichOneof("provider")
    body = getattr(provider, which) if which else None
    if body is None or "service" not in body.DESCRIPTOR.fields_by_name or not body.service:
        return ""
    place = located(world.mesh.services, body.service, body.port)
    if place is None:
        known = len(world.mesh.services.of_host(body.service))
        return f"{body.service} is declared {known} times" if known else f"there is no service {body.service}"
    services = world.mesh.services.of_host(place.host).values()
    has = sorted({port.number for service in services for port in service.ports})
    return (
        "" if body.port in has else f"{place.host} has no port {body.port}, only {', '.join(map(str, has))}"
    )


def unusable(policy: Custom, usable: list[str]) -> Diagnostic:
    """There is no such provider, or it cannot be asked."""
    return message(
        ERROR,
        "unknown-provider",
        policy,
        "spec.provider",
        f"MeshConfig has no usable provider {policy.message.provider.name!r} for CUSTOM (usable: "
        f"{', '.join(usable) or 'none'})",
        REFUSED,
        "declare it in MeshConfig.extensionProviders as envoyExtAuthzHttp or envoyExtAuthzGrpc",
    )


def several(asking: list[Custom], world: World) -> Iterator[Diagnostic]:
    """Policies for one workload that ask different providers: Istio asks none of them."""
    said: set[int] = set()
    for workload in world.workloads:
        meant = [policy for policy in asking if in_reach(policy, workload, world)]
        names = sorted({policy.message.provider.name for policy in meant})
        for policy in meant if len(names) > 1 else ():
            if id(policy) not in said:
                said.add(id(policy))
                yield message(
                    ERROR,
                    "several-providers",
                    policy,
                    "spec.provider",
                    f"the CUSTOM policies of {workload.name} ask {', '.join(names)}: one is the most",
                    REFUSED,
                    "let all CUSTOM policies of a workload ask the same provider",
                )
