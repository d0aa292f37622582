"""The admission rules: a typed object → what istiod's webhook would say about it, one file per kind.

An object with an error never takes effect, as if the API server had refused it.
"""

from __future__ import annotations

from collections.abc import Iterator

from miniistiod.config.objects import AnyObject
from miniistiod.config.validation.finding import Finding, Rules

RULES: dict[str, Rules] = {}
"""Kind → its rules. Kinds without a row are only decoded."""


def verdicts(one: AnyObject) -> Iterator[Finding]:
    """Everything the webhook would say about this object."""
    rules = RULES.get(one.kind.id)
    return iter(rules(one)) if rules is not None else iter(())
