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
from miniistiod.mesh.service import Service


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
        return self.message.workload_selector.match_labels if self.message.HasField("workload_selector") else None


Rules = tuple[MergedDestinationRule, ...]


@dataclass(frozen=True, slots=True, eq=False)
class HostRules:
    """The rules of one namespace by host: names, and wildcards."""

    exact: Mapping[str, Rules] = field(default_factory=dict)
    wildcard: Mapping[str, Rules] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class DestinationRuleIndex:
    """All rules: for clients in the same namespace, for clients elsewhere, and private ones of the root namespace."""

    root_namespace: str
    local: Mapping[str, HostRules]
    exported: Mapping[str, HostRules]
    root_private: HostRules

    def rules(self, service: Service, client_namespace: str) -> Rules:
        """All candidates in the place that decides, those with a workloadSelector first."""
        raise NotImplementedError
