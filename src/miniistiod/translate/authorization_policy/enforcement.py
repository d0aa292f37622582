"""Where a rule is enforced and how strictly: what each leaf of an AuthorizationPolicy is translated for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

M = TypeVar("M")


class Unenforceable(ValueError):
    """A value that no matcher can be made of, or a field that this kind of connection does not have."""


@dataclass(frozen=True, slots=True)
class Enforcement:
    """`tcp`: the bytes are opaque, so HTTP fields cannot be matched.

    `strict` is for ALLOW: a rule with something unenforceable is left out whole, so less is allowed. For the
    other actions only the unenforceable part is left out, so the rule matches more and more is denied.
    `trust_domains` are the mesh's own and its aliases; `namespace` is that of the policy.
    """

    tcp: bool
    strict: bool
    namespace: str
    trust_domains: tuple[str, ...] = field(default=("cluster.local",))

    def each(self, values: Sequence[str], matcher: Callable[[str], M]) -> list[M]:
        """A matcher for each value; those that cannot be enforced are left out unless strict."""
        found = []
        for value in values:
            try:
                found.append(matcher(value))
            except Unenforceable:
                if self.strict:
                    raise
        return found

    def whole(self, values: Sequence[str], matcher: Callable[[Sequence[str]], M]) -> M | None:
        """One matcher for all the values, or None when it cannot be enforced and need not be."""
        try:
            return matcher(values)
        except Unenforceable:
            if self.strict:
                raise
            return None

    def terms(
        self,
        attribute: Callable[[Sequence[str], Enforcement], M | None],
        values: Sequence[str],
        not_values: Sequence[str],
        negate: Callable[[M], M],
    ) -> list[M]:
        """What one attribute demands: one of the values and none of the others, if it is given them."""
        wanted = attribute(values, self) if values else None
        unwanted = attribute(not_values, self) if not_values else None
        return [t for t in (wanted, None if unwanted is None else negate(unwanted)) if t is not None]

    def http_only(self, name: str) -> None:
        """Refuse this attribute where there is no HTTP."""
        if self.tcp:
            raise Unenforceable(f"{name} can only be matched in HTTP")
