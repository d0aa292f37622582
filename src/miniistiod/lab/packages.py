"""Python packages that overwrite each other's files, found by comparing what lies there with what they say.

xds-protos brings its own google/api and opentelemetry modules: whichever of these packages was installed
last wins, and the loser breaks with errors that name neither.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import Distribution, PackagePath, distributions

from miniistiod.lab.machine import Finding

OURS = "xds-protos"
HARMLESS = frozenset({"envoy/__init__.py"})
"""Shared on purpose or empty: the server and the messages of Envoy live in one Python package."""


def claims() -> dict[str, dict[str, PackagePath]]:
    """Installed module → the packages that claim it, for modules that more than one package claims."""
    found: dict[str, dict[str, PackagePath]] = defaultdict(dict)
    for distribution in distributions():
        for file in distribution.files or ():
            if file.suffix == ".py" and ".." not in file.parts:
                found[str(file)][name_of(distribution)] = file
    return {path: owners for path, owners in found.items() if len(owners) > 1}


def name_of(distribution: Distribution) -> str:
    """The name of a package, in one spelling."""
    return str(distribution.metadata["Name"]).lower().replace("_", "-")


def clashes() -> Iterator[Finding]:
    """The files of xds-protos that another package has overwritten, told by package."""
    lost: dict[str, list[str]] = defaultdict(list)
    shared: dict[str, int] = defaultdict(int)
    for path, owners in claims().items():
        if OURS not in owners or path in HARMLESS:
            continue
        for other in owners.keys() - {OURS}:
            shared[other] += 1
            if not intact(owners[OURS]):
                lost[other].append(path)
    for other, count in shared.items():
        if lost[other]:
            how = f"{len(lost[other])} of its files are overwritten by {other}, e.g. {lost[other][0]}"
            yield Finding(
                OURS,
                "missing",
                how,
                f"pip uninstall -y {other}; pip install --force-reinstall --no-deps {OURS}",
            )
        else:
            how = f"{count} files also belong to {other}, whose own content is lost"
            yield Finding(OURS, "warning", how, f"use {other} in another virtual environment")
    if not shared:
        yield Finding(OURS, "ok", "no other package claims its files")


def intact(file: PackagePath) -> bool:
    """Whether a file still has the content its package came with."""
    if file.hash is None:
        return True
    digest = hashlib.new(file.hash.mode, file.read_binary()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == file.hash.value
