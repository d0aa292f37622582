"""What is odd in how the objects fit together: conflicts that one side lost, and references to nothing.

A document by itself is checked in `config`; here is only what takes more than one to see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from miniistiod.config.objects import Object


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a user should know. `about` is the object that does not do what it says.

    `message` says the cause, what is seen of it, and what to write instead.
    """

    code: str
    about: Object[Any]
    message: str
    level: str = "warning"

    def __str__(self) -> str:
        kind, namespace, name = self.about.key
        return f"{self.about.origin}: {self.level}: {kind} {namespace}/{name}: {self.message} [{self.code}]"
