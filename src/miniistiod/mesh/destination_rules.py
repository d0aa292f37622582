"""Which DestinationRule is in force for a service, as seen by a client.

Looked for in the client's namespace, then the service's, then the root namespace; the first place that has a
rule for the host (the most specific host) is used alone. Rules of one namespace for one host are merged:
subsets add up, the older policy wins. A rule whose workloadSelector selects the client comes before others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from miniistiod.api.istio.networking import destination_rule_pb2
from miniistiod.config.objects import Object
from miniistiod.mesh.hosts import full_name, is_wildcard, most_specific
from miniistiod.mesh.kept import kept
from miniistiod.mesh.service import Service
from miniistiod.mesh.settings import MeshSettings

Document = Object[destination_rule_pb2.DestinationRule]


@dataclass(frozen=True, slots=True, eq=False)
class MergedDestinationRule:
    """One rule, or several of one host and namespace merged; the same object until one of them changes.

    `message` has its host in full. `sources` are the documents, the first gives name and namespace.
    """

    message: destination_rule_pb2.DestinationRule
    sources: tuple[Object[destination_rule_pb2.DestinationRule], ...]
    export_to: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """metadata.name of the first document."""
        return self.sources[0].name

    @property
    def namespace(self) -> str:
        """metadata.namespace of the first document."""
        return self.sources[0].namespace

    @property
    def selector(self) -> Mapping[str, str] | None:
        """The client labels it asks for, None when it is for all clients."""
        return labels_of(self.sources[0])


Rules = tuple[MergedDestinationRule, ...]


@dataclass(frozen=True, slots=True, eq=False)
class HostRules:
    """The rules of one namespace by host: names, and wildcards."""

    exact: Mapping[str, Rules] = field(default_factory=dict)
    wildcard: Mapping[str, Rules] = field(default_factory=dict)

    def of_host(self, host: str) -> Rules:
        """The rules of the most specific host that covers this one."""
        return most_specific(host, self.exact, self.wildcard) or ()


NO_RULES = HostRules()


@dataclass(frozen=True, slots=True, eq=False)
class DestinationRuleIndex:
    """All rules: for clients of the same namespace, for clients elsewhere, private ones of the root
    namespace.
    """

    root_namespace: str
    local: Mapping[str, HostRules]
    exported: Mapping[str, HostRules]
    root_private: HostRules

    def rules(self, service: Service, client_namespace: str) -> Rules:
        """All candidates in the place that decides, those with a workloadSelector first."""
        own = self.local.get(client_namespace, NO_RULES)
        if client_namespace == self.root_namespace:
            own = self.root_private
        if found := own.of_host(service.hostname):
            return found
        for namespace in (service.namespace, self.root_namespace):
            rules = self.exported.get(namespace, NO_RULES).of_host(service.hostname)
            if visible := tuple(rule for rule in rules if exported_to(rule, client_namespace)):
                return visible
        return ()


def exported_to(rule: MergedDestinationRule, namespace: str) -> bool:
    """Whether clients of another namespace may use a rule; without exportTo they may."""
    return not rule.export_to or "*" in rule.export_to or namespace in rule.export_to


@kept
def destination_rule_index(documents: tuple[Document, ...], settings: MeshSettings) -> DestinationRuleIndex:
    """The index of these rules, which come oldest first."""
    local: dict[str, Merging] = {}
    exported: dict[str, Merging] = {}
    root_private = Merging(settings.domain)
    for each in sorted(documents, key=lambda d: not d.message.HasField("workload_selector")):
        exports = declared_exports(each)
        if not exports or exports & {"*", ".", each.namespace}:
            local.setdefault(each.namespace, Merging(settings.domain)).add(each, exports)
        if not is_private(each, exports, settings):
            exported.setdefault(each.namespace, Merging(settings.domain)).add(each, exports)
        elif each.namespace == settings.root_namespace:
            root_private.add(each, exports)
    return DestinationRuleIndex(
        settings.root_namespace,
        {namespace: merging.rules() for namespace, merging in local.items()},
        {namespace: merging.rules() for namespace, merging in exported.items()},
        root_private.rules(),
    )


def declared_exports(document: Document) -> frozenset[str]:
    """exportTo as written; a rule with a workloadSelector is always for its own namespace."""
    return frozenset({"."} if document.message.HasField("workload_selector") else document.message.export_to)


def is_private(document: Document, exports: frozenset[str], settings: MeshSettings) -> bool:
    """Whether only clients of its own namespace may use it."""
    if not exports:
        return "." in settings.destination_rule_export_to
    return exports in ({"."}, {document.namespace})


class Merging:
    """The rules of one namespace while they are grouped by host: which of them become one."""

    __slots__ = ("domain", "hosts")

    def __init__(self, domain: str) -> None:
        self.domain = domain
        self.hosts: dict[str, list[Group]] = {}

    def add(self, document: Document, exports: frozenset[str]) -> None:
        """Join the groups of its host that it fits; begin one of its own when it is not absorbed.

        A rule joins a group with the same exportTo, or a part of it; of two with a workloadSelector only when
        the selectors are equal. After joining one with a part of its exportTo it still stands alone as well.
        """
        host = full_name(document.message.host, document.namespace, self.domain)
        groups = self.hosts.setdefault(host, [])
        alone = True
        for group in groups:
            alone = exports != group.exports
            if alone and not (group.exports and exports >= group.exports):
                continue
            mine, theirs = labels_of(document), labels_of(group.sources[0])
            if mine is not None and theirs is not None and mine != theirs:
                alone = True
                continue
            if (mine is None) == (theirs is None):
                alone = False
            group.sources += (document,)
        if alone:
            groups.append(Group((document,), exports))

    def rules(self) -> HostRules:
        """The groups as merged rules."""
        found = {
            host: tuple(merged_rule(host, group.sources, group.exports) for group in groups)
            for host, groups in self.hosts.items()
        }
        exact = {host: rules for host, rules in found.items() if not is_wildcard(host)}
        return HostRules(exact, {host: rules for host, rules in found.items() if is_wildcard(host)})


@dataclass(slots=True)
class Group:
    """The documents that become one rule."""

    sources: tuple[Document, ...]
    exports: frozenset[str]


def labels_of(document: Document) -> Mapping[str, str] | None:
    """The client labels a rule asks for; None without a workloadSelector."""
    message = document.message
    return message.workload_selector.match_labels if message.HasField("workload_selector") else None


@kept
def merged_rule(host: str, sources: tuple[Document, ...], exports: frozenset[str]) -> MergedDestinationRule:
    """The first document with the subsets of the others that it lacks, and the first policy there is."""
    message = destination_rule_pb2.DestinationRule()
    message.CopyFrom(sources[0].message)
    message.host = host
    for other in (source.message for source in sources[1:]):
        known = {subset.name for subset in message.subsets}
        message.subsets.extend(subset for subset in other.subsets if subset.name not in known)
        if other.HasField("traffic_policy") and not message.HasField("traffic_policy"):
            message.traffic_policy.CopyFrom(other.traffic_policy)
    return MergedDestinationRule(message, sources, exports)
