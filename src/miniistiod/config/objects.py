"""What a document becomes: a typed object that remembers where it stands in which file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from miniistiod.api.kinds import Kind

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Origin:
    """The place of an object when it was first read: `line` counts from 1 and is that of its first key.

    An object outlives edits elsewhere in its file; `Store.place` tells where it stands now.
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


ALWAYS, JUST_NOW = "0", "~"
"""What sorts before every time, and after."""


@dataclass(frozen=True, slots=True, eq=False)
class Object(Generic[M]):
    """One Kubernetes or Istio object; equal only to itself, so it can be a key of what was made from it.

    `created` is metadata.creationTimestamp as given ("" when absent): older objects win, then the name
    decides. A reload gives the same Object again as long as the text of its document is the same.
    """

    kind: Kind
    name: str
    namespace: str
    message: M = field(repr=False)  # that of a Secret has keys in it
    origin: Origin
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    created: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """(kind, namespace, name): what makes an object the same one across edits."""
        return (self.kind.id, self.namespace, self.name)

    @property
    def moment(self) -> str:
        """When it came to be, as a text that sorts. Without a time an Istio object is new: younger than all
        that have one, and than a Kubernetes object without one, which is there from the beginning."""
        return self.created or (JUST_NOW if self.kind.group.endswith("istio.io") else ALWAYS)

    @property
    def age(self) -> tuple[str, str, str]:
        """The sort key of precedence: older first, then name, then namespace."""
        return (self.moment, self.name, self.namespace)


AnyObject = Object[Any]
"""An object of whatever kind."""
