"""AuthorizationPolicy: its action, and for each rule who (`from`), what (`to`) and when.

Source: ValidateAuthorizationPolicy in istio's pkg/config/validation.
"""

from __future__ import annotations

from miniistiod.api.istio.security.authorization_policy_pb2 import (
    AuthorizationPolicy,
    Condition,
    Operation,
    Rule,
    Source,
)
from miniistiod.config.objects import Object
from miniistiod.config.validation import policy_values
from miniistiod.config.validation.finding import Findings, Steps, at, error, warning
from miniistiod.config.validation.selector import policy_targets

Policy = AuthorizationPolicy
CUSTOM_SOURCES = ("namespaces", "service_accounts", "trust_domains", "principals", "request_principals")
CUSTOM_KEYS = frozenset(
    ("source.namespace", "source.serviceAccount", "source.trustDomain", "source.principal")
)
SERVICE_ACCOUNT_RIVALS = ("principals", "not_principals", "namespaces", "not_namespaces")
TCP_SOURCES = frozenset(
    (
        "principals", "not_principals", "ip_blocks", "not_ip_blocks", "namespaces", "not_namespaces",
        "remote_ip_blocks", "not_remote_ip_blocks", "service_accounts", "not_service_accounts",
    )
)  # fmt: skip
"""Fields of a source that mean something without HTTP."""


def rules(one: Object[AuthorizationPolicy]) -> Findings:
    """Everything the webhook says about an AuthorizationPolicy."""
    policy = one.message
    yield from policy_targets(policy)
    yield from _action(policy)
    for index, rule in enumerate(policy.rules):
        here: Steps = ("rules", index)
        for number, origin in enumerate(getattr(rule, "from")):
            yield from _from(origin, (*here, "from", number), custom=policy.action == Policy.CUSTOM)
        for number, to in enumerate(rule.to):
            yield from _to(to, (*here, "to", number))
        for number, condition in enumerate(rule.when):
            yield from _when(condition, (*here, "when", number), custom=policy.action == Policy.CUSTOM)
        if policy.action == Policy.DENY:
            yield from _denies_all_tcp(rule, here)


def _action(policy: Policy) -> Findings:
    name = Policy.Action.Name(policy.action)
    if policy.action in (Policy.CUSTOM, Policy.DENY) and not policy.rules:
        message = f"a {name} policy without rules never does anything"
        yield from error((), message, "add rules: [{}] to mean every request")
    elif policy.action == Policy.CUSTOM and not policy.provider.name:
        yield from error((), "a CUSTOM policy needs a provider", "add provider: {name: ...}")
    if policy.HasField("provider") and policy.action != Policy.CUSTOM:
        yield from error(
            ("provider",), f"provider with the action {name}", "write action: CUSTOM, or remove it"
        )


def _from(origin: Rule.From, steps: Steps, *, custom: bool) -> Findings:
    here = (*steps, "source")
    source: Source = origin.source
    if not source.ListFields():
        yield from error(steps, "this source says nothing", "fill source, or remove it from the list")
        return
    given = {descriptor.name: descriptor.json_name for descriptor, _ in source.ListFields()}
    rivals = [given[field] for field in SERVICE_ACCOUNT_RIVALS if field in given]
    if rivals and (source.service_accounts or source.not_service_accounts):
        message = f"serviceAccounts beside {rivals[0]}: an account has its namespace in it"
        yield from error((*here, "serviceAccounts"), message, f"remove {rivals[0]}")
    for field, name in given.items():
        if custom and field.removeprefix("not_") in CUSTOM_SOURCES:
            message = f"{name} cannot be used with CUSTOM: Envoy asks the provider before it knows the client"
            yield from error((*here, name), message, "use ipBlocks, or let the provider decide")
        rule = policy_values.SOURCES[field.removeprefix("not_")]
        yield from rule(getattr(source, field), (*here, name))


def _to(to: Rule.To, steps: Steps) -> Findings:
    operation: Operation = to.operation
    if not operation.ListFields():
        yield from error(steps, "this operation says nothing", "fill operation, or remove it from the list")
    for descriptor, texts in operation.ListFields():
        rule = policy_values.OPERATIONS[descriptor.name.removeprefix("not_")]
        yield from rule(texts, (*steps, "operation", descriptor.json_name))


def _when(condition: Condition, steps: Steps, *, custom: bool) -> Findings:
    key = condition.key
    if custom and (key in CUSTOM_KEYS or key.startswith("request.auth.")):
        message = f"{key} cannot be used with CUSTOM: Envoy asks the provider before it knows the client"
        yield from error((*steps, "key"), message, "let the provider decide")
    if not key:
        yield from error(steps, "the condition has no key", "add key")
    elif not condition.values and not condition.not_values:
        yield from error(steps, "the condition compares with nothing", "add values or notValues")
    else:
        yield from at((*steps, "key"), policy_values.attribute(key))
        for name, texts in (("values", condition.values), ("notValues", condition.not_values)):
            yield from policy_values.attribute_values(key, texts, (*steps, name))


def _denies_all_tcp(rule: Rule, steps: Steps) -> Findings:
    """HTTP-only fields drop out on TCP, and what is left of a DENY rule matches everything."""
    sources = [one.source for one in getattr(rule, "from") if one.HasField("source")]
    operations = [one.operation for one in rule.to if one.HasField("operation")]
    by_source = any(descriptor.name in TCP_SOURCES for one in sources for descriptor, _ in one.ListFields())
    by_port = any(one.ports or one.not_ports for one in operations)
    if (sources and not operations and not by_source) or (operations and not by_port):
        message = "this rule denies everything on TCP ports, where none of its fields means anything"
        yield from warning(steps, message, "add to: [{operation: {ports: [...]}}]")
